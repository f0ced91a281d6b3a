/** The sentence of `rollcall explain`, where the simulation does not come by: ids of two sides, lost records, former owners. */
import { describe, expect, test } from 'vitest';
import type { ChangeEvent, ChangeSource } from '../../src/core/change/change.ts';
import { Evidence, type ReadingOf } from '../../src/core/explain/evidence.ts';
import { InstanceMemory, type InstanceAnswer } from '../../src/core/explain/instance-answer.ts';
import { GroupSummary, memberStateOf } from '../../src/core/explain/group-summary.ts';
import { KnownNames } from '../../src/core/explain/names.ts';
import { explain } from '../../src/core/explain/sentence.ts';
import { atTargetByReports, type AtTarget, type Known } from '../../src/core/explain/verdict.ts';
import type { ReportRecord } from '../../src/core/report/report.ts';
import { aReport } from '../support/a-report.ts';
import { anIntent } from '../support/an-intent.ts';

const sourceAt = (offset: bigint, place: Partial<ChangeSource> = {}): ChangeSource => ({
  topic: 's',
  partition: 0,
  offset,
  index: null,
  eventId: null,
  timestamp: 1,
  ...place,
});

function said(evidence: Evidence, at: bigint | ChangeSource, change: Partial<ChangeEvent>): void {
  const header = { group: 'g', eventId: null, occurredAt: null, kind: 'delta', add: [], remove: [] } as const;
  const source = typeof at === 'bigint' ? sourceAt(at) : at;
  evidence.takeEvent({ event: { ...header, ...change } as ChangeEvent, source, actor: null });
}

const REASON = { code: 'c', message: 'm', status: null, scim_type: null, advice: 'a' };
const allCommitted: ReadingOf = () => 'committed';
const shown = (isMember: boolean): AtTarget => ({ kind: 'read', isMember, version: '"1"' });
const only = (name: string) => new Evidence((each) => each === name);

type More = Partial<Known> & { readonly readingOf?: ReadingOf };

function knownOf(evidence: Evidence, names: string | ReadonlySet<string>, known: More = {}): Known {
  const { readingOf = allCommitted, ...more } = known;
  const links = evidence.chainOf(typeof names === 'string' ? new Set([names]) : names, readingOf);
  const { invalid } = evidence;
  const rest = {
    isMemoryKnown: true,
    obstacle: null,
    pause: null,
    intakeObstacle: null,
    goneSource: new Map<number, bigint>(),
    areReportsGone: false,
    lastVersion: null,
    openRequest: null,
  };
  return { links, atTarget: shown(true), invalid, ...rest, ...more };
}

const answerOf = (evidence: Evidence, names: string | ReadonlySet<string>, known: More = {}) =>
  explain(knownOf(evidence, names, known));

describe('names', () => {
  const known = new KnownNames();
  known.note('u1@idp', 'T-1');
  known.note('u2@idp', 'T-1');
  known.note('v@idp', 'T-2');

  test.each(['u1@idp', 'u2@idp', 'T-1'])('%s is found by every name', (name) => {
    expect(known.namesOf(name).target).toBe('T-1');
    expect([...known.namesOf(name).sources].toSorted()).toEqual(['u1@idp', 'u2@idp']);
    expect([...known.namesOf(name).all].toSorted()).toEqual(['T-1', 'u1@idp', 'u2@idp']);
  });

  test('a name that means another one now is no name of the former', () => {
    const moved = new KnownNames();
    moved.note('u', 'T-1');
    moved.note('u', 'T-2');
    expect(moved.namesOf('T-1').target).toBeNull();
    expect([...moved.namesOf('T-2').sources]).toEqual(['u']);
  });

  test('of a name that nothing is known of there is no name of the target', () => {
    expect(known.namesOf('w')).toEqual({ sources: new Set(['w']), all: new Set(['w']), target: null });
  });

  test('an addition under one name, and a removal under another, are changes of one member', () => {
    const { all } = known.namesOf('u1@idp');
    const evidence = new Evidence((name) => all.has(name));
    said(evidence, 1n, { add: ['u1@idp'] });
    said(evidence, 2n, { remove: ['u2@idp'] });
    evidence.takeReport(aReport(2n, 'u2@idp', { op: 'remove', source_member: 'u2@idp', member: 'T-1' }));
    expect(answerOf(evidence, all, { atTarget: shown(false) }).sentence).toBe(
      'Not a member: removed at s/0/2; the addition at s/0/1 is older.',
    );
  });
});

describe('what is gone', () => {
  test('of a change whose record is gone its reports say what it was', () => {
    const evidence = only('u');
    evidence.takeReport(aReport(1n, 'u', {}));
    expect(answerOf(evidence, 'u', { goneSource: new Map([[0, 9n]]) }).sentence).toBe(
      'A member: added at s/0/1; records of the source are gone, and newer events may be among them.',
    );
  });

  test('of a change that is known by what it has superseded alone nothing is claimed', () => {
    const evidence = only('u');
    evidence.takeReport(aReport(1n, 'u', { outcome: 'superseded', superseded_by: 's/0/2/u' }));
    expect(answerOf(evidence, 'u').sentence).toBe(
      'A member: the newest event is at s/0/2, and its record is gone, so that it is not known what it wants of the member.',
    );
  });

  test('with no event at all nothing is claimed', () => {
    expect(answerOf(only('u'), 'u', { goneSource: new Map([[0, 9n]]) }).sentence).toBe(
      'A member: no event and no report is left that names it, and older ones are gone.',
    );
  });
});

describe('a full state', () => {
  const withOthers = (): Evidence => {
    const evidence = only('u');
    evidence.takeReport(aReport(1n, 'v', {}));
    said(evidence, 1n, { kind: 'state', members: ['v'], deleted: false });
    return evidence;
  };

  test('that is committed, and came to changes of others, is done for whom it does not change', () => {
    expect(answerOf(withOthers(), 'u', { atTarget: shown(false) })).toMatchObject({ standing: 'done' });
  });

  test('names nobody else: whom it does not name, and others have added since, is foreign, as diff says', () => {
    const evidence = withOthers();
    const others = ': others have made it a member';
    const foreign = (more: string) =>
      `A member: no event and no report names it${more}; the full state at s/0/1 does not either.`;
    expect(answerOf(evidence, 'u')).toEqual({
      isMember: true,
      standing: 'nothing',
      decidedBy: null,
      sentence: foreign(others),
    });
    expect(answerOf(evidence, 'u', { lastVersion: '"1"' }).sentence).toBe(foreign(''));
    // whom it has removed, others have added again
    evidence.takeReport(aReport(1n, 'u', { op: 'remove' }));
    expect(answerOf(evidence, 'u')).toMatchObject({ standing: 'undone', decidedBy: 's/0/1' });
  });

  test('that has failed as a whole, although changes of others landed, was given up', () => {
    const evidence = withOthers();
    evidence.takeReport(aReport(1n, null, { outcome: 'failed', op: null }));
    expect(answerOf(evidence, 'u')).toMatchObject({ standing: 'given_up' });
  });

  test('that has ended as a whole, and of which a change of the member waits, is not done', () => {
    const evidence = withOthers();
    evidence.takeReport(aReport(1n, null, { outcome: 'recovered', op: null }));
    const place = { topic: 's', partition: 0, offset: '1', attempt: 0, not_before: 0 } as const;
    evidence.takeMemory({ ...place, member: 'u', target: 'u', op: 'remove', state: 'queued' });
    expect(answerOf(evidence, 'u')).toMatchObject({ standing: 'queued' });
  });

  test('of which others are reported, and that is not committed, is not done', () => {
    const answer = answerOf(withOthers(), 'u', { readingOf: () => 'uncommitted' });
    expect(answer).toMatchObject({ standing: 'unfinished', decidedBy: 's/0/1' });
  });
});

test('a change that was done, and that a later owner has read again and could not apply, is not done', () => {
  const evidence = only('u');
  said(evidence, 1n, { add: ['u'] });
  evidence.takeReport(aReport(1n, 'u'));
  evidence.takeReport(aReport(1n, 'u', { final: false, outcome: 'retry_scheduled', id: 's/0/1/u#1', epoch: 2 }));
  evidence.takeWaiting(
    anIntent({ group: 'g', member: 'u', op: 'add', attempt: 1, source: { ...sourceAt(1n) } }),
    'parked',
  );
  expect(answerOf(evidence, 'u', { atTarget: shown(false) })).toMatchObject({ standing: 'waits' });
});

test('a change that was applied, and that a later owner has read again and found so, was done by its request', () => {
  const evidence = only('u');
  said(evidence, 1n, { add: ['u'] });
  const versions = { etag_before: '"1"', etag_after: '"2"' };
  const request = { patch_id: 'p-1', ...versions, status: 200, correlation_id: null, duration_ms: 1, verified: true };
  evidence.takeReport(aReport(1n, 'u', { request }));
  evidence.takeReport(aReport(1n, 'u', { outcome: 'already_synced', epoch: 2 }));
  expect(answerOf(evidence, 'u').sentence).toMatch(/^A member: added at s\/0\/1 \(request p-1, status 200\)/);
});

describe('who had done what the newest change found', () => {
  const found = (change: Partial<ReportRecord> = {}): Partial<ReportRecord> => ({
    op: 'remove',
    outcome: 'already_synced',
    ...change,
  });
  const answered = (evidence: Evidence): string => answerOf(evidence, 'u', { atTarget: shown(false) }).sentence;

  test('others, where one owner has left the opposite before', () => {
    const evidence = only('u');
    evidence.takeReport(aReport(1n, 'u'));
    evidence.takeReport(aReport(2n, 'u', found()));
    expect(answered(evidence)).toContain('removed by others before, as asked at s/0/2');
  });

  test('a request whose answer was lost, of its own or of the change whose place it has taken', () => {
    const lost = { patch_id: 'p-1', status: 504, duration_ms: 1, verified: false } as unknown as NonNullable<
      ReportRecord['request']
    >;
    const refused = { ...lost, patch_id: 'p-0', status: 400 };
    const evidence = only('u');
    evidence.takeReport(
      aReport(1n, 'u', { op: 'remove', final: false, outcome: 'retry_scheduled', id: 's/0/1/u#1', request: lost }),
    );
    evidence.takeReport(
      aReport(1n, 'u', { op: 'remove', outcome: 'superseded', superseded_by: 's/0/2/u', request: null }),
    );
    evidence.takeReport(aReport(2n, 'u', { op: 'remove', outcome: 'recovered', request: null }));
    expect(answered(evidence)).toContain('removed at s/0/2 (request p-1 at s/0/1, status 504)');
    const own = { op: 'remove', final: false, outcome: 'retry_scheduled' } as const;
    evidence.takeReport(
      aReport(2n, 'u', { ...own, id: 's/0/2/u#1', request: { ...lost, patch_id: 'p-2', status: null } }),
    );
    evidence.takeReport(aReport(2n, 'u', { ...own, id: 's/0/2/u#2', request: refused }));
    expect(answered(evidence)).toContain('removed at s/0/2 (request p-2, status none)');
  });

  const UNKNOWN = 'it was already no member before the removal at s/0/';

  test('nobody is named where a later owner found it: the former may have sent a request that it did not live to report', () => {
    const evidence = only('u');
    evidence.takeReport(aReport(1n, 'u'));
    evidence.takeReport(aReport(2n, 'u', found({ epoch: 2 })));
    expect(answered(evidence)).toContain(`${UNKNOWN}2`);
  });

  test('the report of a full state as a whole says nothing of a member', () => {
    const evidence = only('u');
    said(evidence, 1n, { kind: 'state', members: ['u'], deleted: false });
    evidence.takeReport(aReport(1n, null, { outcome: 'already_synced' }));
    evidence.takeReport(aReport(2n, 'u', found()));
    expect(answered(evidence)).toContain(`${UNKNOWN}2`);
  });

  test('nobody is named where a change that was superseded may have been sent', () => {
    const evidence = only('u');
    evidence.takeReport(aReport(1n, 'u'));
    evidence.takeReport(aReport(2n, 'u', { op: 'remove', outcome: 'superseded', superseded_by: 's/0/3/u' }));
    evidence.takeReport(aReport(3n, 'u', found()));
    expect(answered(evidence)).toContain(`${UNKNOWN}3`);
  });

  test('of all members, too, a removal that an older full state came to is named', () => {
    const evidence = new Evidence(null);
    said(evidence, 1n, { add: ['u'] });
    evidence.takeReport(aReport(1n, 'u'));
    said(evidence, 2n, { kind: 'state', members: ['v'], deleted: false });
    evidence.takeReport(aReport(2n, 'u', { op: 'remove' }));
    said(evidence, 3n, { kind: 'state', members: ['v'], deleted: false });
    evidence.takeReport(aReport(3n, 'v'));
    said(evidence, 4n, { remove: ['u'] });
    evidence.takeReport(aReport(4n, 'u', found()));
    expect(answered(evidence)).toContain('not named in the full state at s/0/2; the removal at s/0/4 found it so');
  });
});

test('where an event of one record is the newest, later ones of that record may be gone', () => {
  const evidence = only('u');
  const at = { ...sourceAt(1n), index: 0 };
  evidence.takeEvent({
    event: { group: 'g', eventId: null, occurredAt: null, kind: 'delta', add: ['u'], remove: [] },
    source: at,
    actor: null,
  });
  const gone = new Map([[0, 2n]]);
  expect(answerOf(evidence, 'u', { goneSource: gone }).sentence).not.toContain('newer events');
  const reported = only('u');
  reported.takeReport(aReport(1n, 'u', { id: 's/0/1.0/u' }));
  expect(answerOf(reported, 'u', { goneSource: gone }).sentence).toContain('newer events may be among them');
  const alone = only('u');
  alone.takeReport(aReport(1n, 'u'));
  expect(answerOf(alone, 'u', { goneSource: gone }).sentence).not.toContain('newer events');
});

test('a change that is dead, and woken, waits: its report is older than its live record', () => {
  const evidence = only('u');
  evidence.takeReport(aReport(1n, 'u', { outcome: 'permanent_failure' }));
  said(evidence, 1n, { add: ['u'] });
  expect(answerOf(evidence, 'u', { atTarget: shown(false) })).toMatchObject({ standing: 'given_up' });
  const at = { topic: 's', partition: 0, offset: '1' } as const;
  const intent = { member: 'u', target: 'u', ...at, op: 'add', attempt: 0, not_before: 0 } as const;
  evidence.takeMemory({ ...intent, state: 'queued' });
  expect(answerOf(evidence, 'u', { atTarget: shown(false) })).toMatchObject({ standing: 'queued' });
});

test('until when nothing is reported as done, it is not known who was a member', () => {
  const evidence = only('u');
  said(evidence, 1n, { add: ['u'] });
  expect(atTargetByReports(evidence.chainOf(new Set(['u']), allCommitted))).toMatchObject({ kind: 'unknown' });
});

describe('two instances', () => {
  const intent = {
    member: 'u',
    topic: 's',
    partition: 0,
    offset: '7',
    op: 'add',
    state: 'queued',
    attempt: 0,
    not_before: 0,
  };
  const one = (epoch: number, next: string, offset: string): InstanceAnswer => ({
    partitions: [{ partition: 0, epoch, phase: 'running', next_offset: next }],
    breaker: null,
    intents: [{ ...intent, offset } as InstanceAnswer['intents'][number]],
    left_out: 0,
  });
  const [former, owner] = [one(3, '9', '7'), one(4, '8', '6')];

  test.each([
    ['first', [former, owner]],
    ['last', [owner, former]],
  ])('the one that owns a partition under the higher epoch is believed, %s', (_, answers) => {
    const memory = new InstanceMemory(answers);
    expect([...memory.intents()].map(({ offset }) => offset)).toEqual(['6']);
    expect(memory.readingOf({ partition: 0, offset: 8n }, 5n)).toBe('unread');
    expect(memory.readingOf({ partition: 0, offset: 7n }, 5n)).toBe('uncommitted');
    expect(memory.readingOf({ partition: 0, offset: 4n }, 5n)).toBe('committed');
  });

  test.each<[string, Partial<InstanceAnswer>]>([
    ['leaves changes out', { left_out: 1 }],
    [
      'has not read its live records',
      { partitions: [{ partition: 0, epoch: 4, phase: 'restoring', next_offset: '8' }] },
    ],
  ])('of one that %s not all is known', (_, change) => {
    expect(new InstanceMemory([owner]).knows(0)).toBe(true);
    expect(new InstanceMemory([{ ...owner, ...change }]).knows(0)).toBe(false);
  });

  test('one that sends nothing at present says why', () => {
    expect(new InstanceMemory([owner]).obstacleOf(0)).toBeNull();
    expect(new InstanceMemory([{ ...owner, breaker: 'target' }]).obstacleOf(0)).toBe('the breaker is open: target');
  });

  test('one whose group is paused says by whom, and since when', () => {
    const pause = { author: 'jane', reason: 'INC-7', since: Date.parse('2026-11-30T02:00:00Z') };
    const { intents } = owner;
    const obstacleOf = (name: string | null) => {
      const paused = { ...pause, name };
      const one = { ...owner, breaker: 'target', intents: intents.map((intent) => ({ ...intent, paused })) };
      return new InstanceMemory([one]).obstacleOf(0);
    };
    const obstacle = 'paused by jane since 2026-11-30T02:00:00.000Z: INC-7; rollcall resume';
    expect([obstacleOf(null), obstacleOf('g 1')]).toEqual([obstacle, `${obstacle} --group 'g 1'`]);
  });

  test('what the owner says of each name of the group counts', () => {
    const both = [one(4, '8', '6'), one(4, '8', '7')];
    expect([...new InstanceMemory(both).intents()].map(({ offset }) => offset)).toEqual(['6', '7']);
    expect(new InstanceMemory([owner, { ...owner, left_out: 1 }]).knows(0)).toBe(false);
  });

  test('of a partition that none owns nothing is known', () => {
    expect(new InstanceMemory([owner]).knows(1)).toBe(false);
  });
});

test('where the version is the one that its own request has left nobody else is named', () => {
  const evidence = only('u');
  evidence.takeReport(aReport(1n, 'u', {}));
  const atTarget = shown(false);
  expect(answerOf(evidence, 'u', { atTarget }).sentence).toContain('others have changed it since');
  expect(answerOf(evidence, 'u', { atTarget, lastVersion: '"1"' }).sentence).toContain(
    'Genesys Cloud shows the opposite',
  );
});

test('a newer event that could not be read is named', () => {
  const evidence = only('u');
  evidence.takeReport(aReport(1n, 'u', {}));
  evidence.takeReport(aReport(2n, null, { outcome: 'invalid' }));
  expect(answerOf(evidence, 'u').sentence).toBe(
    'A member: added at s/0/1; a newer event of the group, at s/0/2, could not be read: see its dead letter.',
  );
});

test.each<[string, Partial<ReportRecord>]>([
  ['waits', { final: false, outcome: 'retry_scheduled', next_attempt_at: '2026-09-21T00:05:00.000Z' }],
  ['held', { final: false, outcome: 'held' }],
  ['given_up', { outcome: 'failed' }],
])('as of a time that is over the last report says that it %s', (standing, change) => {
  const evidence = only('u');
  evidence.takeReport(aReport(1n, 'u', change));
  expect(answerOf(evidence, 'u', { readingOf: () => 'past', atTarget: shown(false) })).toMatchObject({ standing });
});

test('a group inside of the group is left as it is', () => {
  const evidence = only('u');
  said(evidence, 1n, { kind: 'state', members: [], deleted: false });
  expect(answerOf(evidence, 'u', { atTarget: { kind: 'nested' } }).sentence).toBe(
    'A member: it is a group inside of the group, which Rollcall leaves as it is.',
  );
});

test('foreign text forges no line', () => {
  const evidence = only('u');
  evidence.takeReport(aReport(1n, 'u', { outcome: 'failed', reason: { ...REASON, code: 'x\nNot a member: y' } }));
  expect(answerOf(evidence, 'u').sentence).not.toContain('\n');
});

test('of all members the newest full state decides, and older ones are left out', () => {
  const evidence = new Evidence(null);
  said(evidence, 1n, { kind: 'state', members: ['u', 'v'], deleted: false });
  said(evidence, 2n, { kind: 'state', members: ['v'], deleted: false });
  expect(evidence.chainOf(new Set(['u']), allCommitted).map(({ op }) => op)).toEqual(['remove']);
  expect(evidence.chainOf(new Set(['v']), allCommitted).map(({ op }) => op)).toEqual(['add']);
});

test.each([
  [true, 'unreported'],
  [false, 'unfinished'],
])('as of a time of which reports are gone (%s), a change without one is %s', (areReportsGone, standing) => {
  const evidence = only('u');
  said(evidence, 1n, { add: ['u'] });
  expect(answerOf(evidence, 'u', { readingOf: () => 'past', areReportsGone })).toMatchObject({ standing });
});

describe('a group that has moved between partitions', () => {
  const inOther = (offset: bigint, change: Partial<ReportRecord>): ReportRecord => {
    const source = { topic: 's', partition: 1, offset: String(offset), event_id: null, timestamp: 9_999_999_999_999 };
    return aReport(offset, 'u', { id: `s/1/${offset}/u`, source, ...change });
  };

  test('nobody is named for what its owner has found in the other: it has another owner', () => {
    const evidence = only('u');
    evidence.takeReport(aReport(1n, 'u'));
    evidence.takeReport(inOther(2n, { op: 'remove', outcome: 'already_synced' }));
    expect(answerOf(evidence, 'u', { atTarget: shown(false) }).sentence).toContain(
      'it was already no member before the removal at s/1/2',
    );
  });

  /** An event that could not be read. */
  const unreadAt = (evidence: Evidence, partition: number, offset: bigint): void =>
    evidence.takeReport(aReport(offset, null, { id: `s/${partition}/${offset}`, outcome: 'invalid' }));
  const moved = (offset: bigint) => sourceAt(offset, { partition: 1, timestamp: 9 });
  const groupSentence = (evidence: Evidence): string => {
    const state = evidence.newestStateLink(allCommitted);
    const facts = { pauses: [], isAnyGone: false, invalid: evidence.invalid };
    const known = state === null ? null : { ...knownOf(evidence, 'u'), links: [state] };
    return new GroupSummary().sentence({ ...facts, memberCount: 0, state: known });
  };

  test('a full state hides what could not be read before it in its own partition alone', () => {
    const evidence = new Evidence(null);
    said(evidence, moved(100n), { kind: 'state', members: [], deleted: false });
    unreadAt(evidence, 1, 99n);
    expect(groupSentence(evidence)).not.toContain('could not be read');
    unreadAt(evidence, 0, 5n);
    expect(groupSentence(evidence)).toMatch(
      /; an event of the group, at s\/0\/5, could not be read: see its dead letter/,
    );
    unreadAt(evidence, 1, 101n);
    const both = groupSentence(evidence);
    for (const at of ['s/0/5', 's/1/101']) expect(both).toContain(`an event of the group, at ${at}, could not be read`);
    expect(both).not.toContain('as asked;');
  });

  test('what could not be read in the other may be newer than the change of a member', () => {
    const evidence = only('u');
    evidence.takeReport(inOther(100n, {}));
    unreadAt(evidence, 1, 99n);
    expect(answerOf(evidence, 'u').sentence).toBe('A member: added at s/1/100.');
    unreadAt(evidence, 0, 5n);
    expect(answerOf(evidence, 'u').sentence).toBe(
      'A member: added at s/1/100; an event of the group, at s/0/5, could not be read: see its dead letter.',
    );
  });

  test.each([
    ['the topics', [0, 1]],
    ['the topics, in the other order', [1, 0]],
  ])('of all members the full state decides that is newer by its time: read from %s', (_, order) => {
    const evidence = new Evidence(null);
    for (const partition of order) {
      if (partition === 0) said(evidence, 100n, { kind: 'state', members: ['u'], deleted: false });
      else said(evidence, moved(5n), { kind: 'state', members: ['v'], deleted: false });
    }
    for (const [name, op] of [['u', 'remove'] as const, ['v', 'add'] as const])
      expect(evidence.chainOf(new Set([name]), allCommitted)).toMatchObject([{ op, position: { partition: 1 } }]);
  });

  test('a full state that waits in the other is newer by its time, too', () => {
    const evidence = new Evidence(null);
    said(evidence, 100n, { kind: 'state', members: ['u'], deleted: false });
    const whole = { members: ['v'], deleted: false };
    evidence.takeWaiting(anIntent({ member: '', op: 'state', whole, source: moved(5n) }), 'parked');
    expect(evidence.chainOf(new Set(['u']), allCommitted)).toMatchObject([
      { op: 'remove', position: { partition: 1 } },
    ]);
  });

  test('what is gone in the other may be newer', () => {
    const evidence = only('u');
    evidence.takeReport(aReport(5n, 'u'));
    const gone = (partition: number) => answerOf(evidence, 'u', { goneSource: new Map([[partition, 1n]]) }).sentence;
    expect(gone(1)).toContain('newer events may be among them');
    expect(gone(0)).not.toContain('newer events');
  });
});

describe('the sentence about a group', () => {
  const waiting = (pause: string | null): Known => {
    const evidence = only('u');
    said(evidence, 1n, { add: ['u'] });
    const source = { ...sourceAt(1n) };
    evidence.takeWaiting(
      anIntent({ group: 'g', member: 'u', op: 'add', attempt: 1, notBefore: 5_000, source }),
      'parked',
    );
    return knownOf(evidence, 'u', { atTarget: shown(false), pause });
  };

  test.each([
    [null, 5_000, '1 change waits for another try, the next at 1970-01-01T00:00:05.000Z'],
    ['by jane\nforged', null, '1 change waits for a resume; by jane\\u{a}forged'],
  ])('of one that is paused (%j) the next try is not at a known time', (pause, nextTryAt, text) => {
    const known = waiting(pause);
    const verdict = explain(known);
    const state = memberStateOf(known, verdict);
    expect(state).toMatchObject({ nextTryAt, isPaused: pause !== null });
    const summary = new GroupSummary();
    summary.take(verdict, state);
    const facts = { memberCount: 0, state: null, isAnyGone: false, invalid: [] };
    expect(summary.sentence({ ...facts, pauses: pause === null ? [] : [pause] })).toBe(`0 members: ${text}.`);
  });
});
