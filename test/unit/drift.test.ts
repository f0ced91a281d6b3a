/** Which evidence makes which difference: the comparison of a group, from records to the lists of `rollcall diff`. */
import { describe, expect, test } from 'vitest';
import type { ChangeEvent } from '../../src/core/change/change.ts';
import { KeptIds } from '../../src/core/change/kept-ids.ts';
import { compare } from '../../src/core/drift/comparison.ts';
import type { KnownOfGroup } from '../../src/core/drift/differences.ts';
import { GroupFacts } from '../../src/core/drift/group-facts.ts';
import { isGoneInSource } from '../../src/core/drift/standing.ts';
import type { ReportRecord } from '../../src/core/report/report.ts';
import type { Snapshot } from '../../src/core/target/snapshot.ts';
import { anIntent } from '../support/an-intent.ts';
import { aReport } from '../support/a-report.ts';

const at = (offset: bigint, partition = 0, timestamp = 1) => ({
  topic: 's',
  partition,
  offset,
  index: null,
  timestamp,
});

const NO_CHANGE = { group: 'g', eventId: null, occurredAt: null } as const;
const delta = (add: readonly string[], remove: readonly string[] = []): ChangeEvent => ({
  ...NO_CHANGE,
  kind: 'delta',
  add,
  remove,
});
const state = (members: readonly string[], deleted = false): ChangeEvent => ({
  ...NO_CHANGE,
  kind: 'state',
  members,
  deleted,
});

const shown = (members: readonly string[], more: Partial<Snapshot> = {}): Snapshot => ({
  members: new Set(members),
  spellings: new Map(),
  nested: new Set(),
  isDoubtful: false,
  version: '"2"',
  tags: { etag: '"2"', meta: null },
  ...more,
});

/** What is known of group `g`. All is committed. */
class Known {
  readonly facts = new GroupFacts('g', new KeptIds());
  readonly more: Partial<KnownOfGroup>;

  constructor(more: Partial<KnownOfGroup> = {}) {
    this.more = more;
  }

  event(offset: bigint, event: ChangeEvent): this {
    this.facts.takeEvent(event, at(offset));
    return this;
  }

  report(...[offset, member, change]: Parameters<typeof aReport>): this {
    this.facts.takeReport(aReport(offset, member, change));
    return this;
  }

  /** Without the lists that are empty. */
  compared(snapshot: Snapshot): object {
    const differences = compare(
      {
        facts: this.facts,
        target: 'g',
        unreadable: [],
        waiting: [],
        targetOf: (name) => name,
        isCommitted: () => true,
        isSourceGone: false,
        areReportsGone: false,
        wanted: null,
        ...this.more,
      },
      snapshot,
    );
    return Object.fromEntries(
      Object.entries(differences).filter(([, found]) => Array.isArray(found) && found.length > 0),
    );
  }
}

const u = { member: 'u', target: 'u' };
const undone = { event: 's/0/1', report: 's/0/1/u', reported_at: '2026-09-21T00:00:00.000Z' };
const noReport = { evidence: 'no_report', report: null };

describe('drift: changes of members', () => {
  test('what is as it is wanted is no difference', () => {
    const known = new Known()
      .event(1n, delta(['u'], ['v']))
      .report(1n, 'u')
      .report(1n, 'v', { op: 'remove' });
    expect(known.compared(shown(['u']))).toEqual({});
  });

  test('added, and the target has it no more: undone', () => {
    const known = new Known().event(1n, delta(['u'])).report(1n, 'u');
    expect(known.compared(shown([]))).toEqual({ undone: [{ ...u, op: 'add', ...undone }] });
  });

  test('found to be so, removed, and there once more: undone', () => {
    const known = new Known().event(1n, delta([], ['u'])).report(1n, 'u', { op: 'remove', outcome: 'already_synced' });
    expect(known.compared(shown(['u']))).toEqual({ undone: [{ ...u, op: 'remove', ...undone }] });
  });

  test('wanted, and no report says that it was ever done: missing', () => {
    expect(new Known().event(1n, delta(['u'])).compared(shown([]))).toEqual({ missing: [{ ...u, ...noReport }] });
  });

  test('wanted, and given up: missing, with the report', () => {
    const known = new Known().event(1n, delta(['u'])).report(1n, 'u', { outcome: 'permanent_failure' });
    expect(known.compared(shown([]))).toEqual({ missing: [{ ...u, evidence: 'failed', report: 's/0/1/u' }] });
  });

  test('named, not wanted, and no removal is reported: extra', () => {
    expect(new Known().event(1n, delta([], ['u'])).compared(shown(['u']))).toEqual({ extra: [{ ...u, ...noReport }] });
  });

  test('never named: foreign', () => {
    const known = new Known().event(1n, delta(['u'])).report(1n, 'u');
    expect(known.compared(shown(['u', 'x']))).toEqual({ foreign: [{ member: null, target: 'x' }] });
  });

  test('a report of a change that is older than the newest event decides nothing', () => {
    const known = new Known()
      .report(1n, 'u')
      .event(1n, delta(['u']))
      .event(2n, delta([], ['u']));
    expect(known.compared(shown(['u']))).toEqual({ extra: [{ ...u, ...noReport }] });
  });

  test('wanted, and refused by an operator: extra, with the report', () => {
    const reason = { code: 'refused', message: '', status: null, target_code: null, advice: null } as never;
    const known = new Known()
      .event(1n, delta([], ['u']))
      .report(1n, 'u', { op: 'remove', outcome: 'permanent_failure', reason });
    expect(known.compared(shown(['u']))).toEqual({ extra: [{ ...u, evidence: 'refused', report: 's/0/1/u' }] });
  });

  test('of what was given up and done later, the later report counts', () => {
    const known = new Known()
      .event(1n, delta(['u']))
      .report(1n, 'u', { outcome: 'recovered', epoch: 2 })
      .report(1n, 'u', { outcome: 'permanent_failure' });
    expect(known.compared(shown([]))).toEqual({ undone: [{ ...u, op: 'add', ...undone }] });
  });

  test('in both lists of one event, it is removed', () => {
    expect(new Known().event(1n, delta(['u'], ['u'])).compared(shown([]))).toEqual({});
  });

  test('a UUID in another letter case is the same member, and is named as it is spelled', () => {
    const id = 'ABCDEF00-0000-4000-8000-000000000000';
    const known = new Known().event(1n, delta([id]));
    expect(known.compared(shown([id.toLowerCase()]))).toEqual({});
    expect(known.compared(shown([]))).toEqual({ missing: [{ member: id, target: id.toLowerCase(), ...noReport }] });
  });

  test('a report whose source record is gone says what was wanted', () => {
    expect(new Known().report(1n, 'u').compared(shown([]))).toEqual({ undone: [{ ...u, op: 'add', ...undone }] });
  });

  test('what has superseded a change, and is known by nothing else, is not guessed', () => {
    const known = new Known().report(1n, 'u', { outcome: 'superseded', superseded_by: 's/0/7/u' });
    expect(known.compared(shown([]))).toEqual({
      doubts: ['of 1 the newest record is gone, so that it is not known what it wants'],
    });
  });

  test('where a key has moved between partitions, the times of the records decide', () => {
    const known = new Known();
    known.facts.takeEvent(delta([], ['u']), at(1n, 1, 20));
    known.facts.takeEvent(delta(['u']), at(9n, 0, 10));
    expect(known.compared(shown([]))).toEqual({});
  });
});

describe('drift: what is on its way', () => {
  test('behind the committed offset: unread', () => {
    const known = new Known({ isCommitted: ({ offset }) => offset < 1n }).event(1n, delta(['u']));
    expect(known.compared(shown([]))).toEqual({ pending: [{ ...u, op: 'add', state: 'unread' }] });
  });

  test.each(['parked', 'held', 'dead'] as const)('in the retry topic: %s', (waits) => {
    const intent = anIntent({ group: 'g', member: 'u', op: 'remove', source: { ...at(1n), eventId: null } });
    const known = new Known({ waiting: [{ intent, state: waits }] }).event(1n, delta([], ['u']));
    expect(known.compared(shown(['u']))).toEqual({ pending: [{ ...u, op: 'remove', state: waits }] });
  });

  test.each([
    ['held', 'held'],
    ['parked', 'retry_scheduled'],
  ] as const)('a last report says that it is %s, though no live record shows it', (waits, outcome) => {
    const waiting = { op: 'remove', final: false, outcome, id: `s/0/1/u#${outcome === 'held' ? 'held' : 1}` } as const;
    const known = new Known().event(1n, state([])).report(1n, 'u', waiting);
    expect(known.compared(shown(['u']))).toEqual({ pending: [{ ...u, op: 'remove', state: waits }] });
    // It was woken after it had been given up.
    const failed = new Known().event(1n, state([])).report(1n, 'u', { op: 'remove', outcome: 'failed' });
    const woken = failed.report(1n, 'u', { ...waiting, reported_at: '2026-09-22T00:00:00.000Z' });
    expect(woken.compared(shown(['u']))).toMatchObject({ pending: [{ state: waits }] });
    known.report(1n, 'u', { op: 'remove', reported_at: '2026-09-23T00:00:00.000Z' });
    expect(known.compared(shown(['u']))).toMatchObject({ undone: [{ member: 'u' }] });
  });

  test('a full state that waited, and has come to changes of others since, does not wait', () => {
    const known = new Known()
      .event(1n, state(['u', 'v']))
      .report(1n, null, { final: false, outcome: 'retry_scheduled', id: 's/0/1#1' });
    expect(known.compared(shown(['v']))).toMatchObject({ pending: [{ ...u, state: 'parked' }] });
    expect(known.report(1n, 'v').compared(shown(['v']))).toMatchObject({ undone: [u] });
  });

  test.each(['before the report that it is done', 'after it'])(
    'read again by a later owner, and it waits: pending, %s',
    (order) => {
      const later = { final: false, outcome: 'retry_scheduled', id: 's/0/1/u#1', epoch: 2 } as const;
      const known = new Known().event(1n, delta(['u']));
      if (order === 'after it') known.report(1n, 'u').report(1n, 'u', later);
      else known.report(1n, 'u', later).report(1n, 'u');
      expect(known.compared(shown([]))).toEqual({ pending: [{ ...u, op: 'add', state: 'parked' }] });
    },
  );

  test('done, though the offset is not committed yet: undone', () => {
    const known = new Known({ isCommitted: () => false }).event(1n, delta(['u'])).report(1n, 'u');
    expect(known.compared(shown([]))).toEqual({ undone: [{ ...u, op: 'add', ...undone }] });
  });

  test('what waits, and is the newest that is known, says what is wanted', () => {
    const intent = anIntent({ group: 'g', member: 'u', op: 'add', source: { ...at(5n), eventId: null } });
    const known = new Known({ waiting: [{ intent, state: 'parked' }] }).report(1n, 'u', { op: 'remove' });
    expect(known.compared(shown([]))).toEqual({ pending: [{ ...u, op: 'add', state: 'parked' }] });
  });

  test('a full state that is not finished: all that it asks for is pending', () => {
    const known = new Known({ isCommitted: () => false }).event(1n, state(['u']));
    expect(known.compared(shown(['x']))).toEqual({
      pending: [
        { ...u, op: 'add', state: 'unread' },
        { member: null, target: 'x', op: 'remove', state: 'unread' },
      ],
    });
  });

  test('a full state that waits is newer than what the source has left', () => {
    const whole = { members: ['u'], deleted: false };
    const intent = {
      ...anIntent({ group: 'g', member: '', source: { ...at(5n), eventId: null } }),
      op: 'state',
      whole,
    } as const;
    const known = new Known({ waiting: [{ intent, state: 'parked' }] }).event(1n, delta(['v'])).report(1n, 'v');
    expect(known.compared(shown(['v']))).toEqual({
      pending: [
        { member: 'v', target: 'v', op: 'remove', state: 'parked' },
        { ...u, op: 'add', state: 'parked' },
      ],
    });
  });
});

describe('drift: full states', () => {
  test('whom it names and the target has no more: undone, by the report of the state or by none', () => {
    const known = new Known().event(1n, state(['u'])).report(1n, null, { outcome: 'already_synced' });
    expect(known.compared(shown([]))).toEqual({ undone: [{ ...u, op: 'add', ...undone, report: 's/0/1' }] });
    const ofOthers = new Known({ areReportsGone: true }).event(1n, state(['u', 'v'])).report(1n, 'v');
    expect(ofOthers.compared(shown(['v']))).toEqual({
      undone: [{ ...u, op: 'add', event: 's/0/1', report: null, reported_at: null }],
    });
  });

  test('where all reports of it may be gone, nothing is claimed to have been done', () => {
    const known = new Known({ areReportsGone: true }).event(1n, state(['u']));
    expect(known.compared(shown([]))).toEqual({ missing: [{ ...u, ...noReport }] });
  });

  test('changes after it stand on top of it', () => {
    const known = new Known().event(1n, state(['u', 'v'])).event(2n, delta([], ['v']));
    expect(
      known
        .report(1n, 'u')
        .report(2n, 'v', { op: 'remove' })
        .compared(shown(['u'])),
    ).toEqual({});
  });

  test('it replaces what is older', () => {
    const known = new Known()
      .event(1n, delta(['u']))
      .event(2n, state([]))
      .report(2n, 'u', { op: 'remove' });
    expect(known.compared(shown([]))).toEqual({});
    expect(known.compared(shown(['u']))).toMatchObject({ undone: [{ member: 'u', op: 'remove', event: 's/0/2' }] });
  });

  test('one whom no event names and who came after it is foreign; one whom an older state named is not', () => {
    const known = new Known()
      .event(1n, state(['u', 'v']))
      .event(2n, state(['v']))
      .report(2n, null);
    expect(known.compared(shown(['v', 'x']))).toEqual({ foreign: [{ member: null, target: 'x' }] });
    expect(known.compared(shown(['v', 'u']))).toMatchObject({ undone: [{ member: 'u', op: 'remove' }] });
  });

  test('what it came to for a member counts before what became of it as a whole', () => {
    const known = new Known()
      .event(1n, state(['u', 'v']))
      .report(1n, 'v')
      .report(1n, 'u', { outcome: 'failed' });
    expect(known.compared(shown(['v']))).toEqual({ missing: [{ ...u, evidence: 'failed', report: 's/0/1/u' }] });
  });

  test('the order of reading does not matter', () => {
    const known = new Known()
      .report(2n, 'u', { op: 'remove' })
      .report(1n, 'v')
      .event(2n, state(['v']));
    known.event(1n, state(['u', 'v']));
    expect(known.compared(shown(['v']))).toEqual({});
    expect(known.compared(shown(['u', 'v']))).toMatchObject({ undone: [{ member: 'u', report: 's/0/2/u' }] });
  });
});

describe('drift: what cannot be known', () => {
  test('whom a doubtful answer does not show is not called missing', () => {
    const known = new Known().event(1n, delta(['u', 'v'])).report(1n, 'u');
    expect(known.compared(shown([], { isDoubtful: true }))).toEqual({
      doubts: ['2 whom the source wants are not shown, and the answer may not name all members'],
    });
  });

  test('groups inside of the group are listed, and are neither foreign nor extra', () => {
    const known = new Known().event(1n, delta([], ['n']));
    expect(known.compared(shown(['n'], { nested: new Set(['n']) }))).toEqual({ nested: ['n'] });
  });

  test('where the oldest records are gone and no full state is left, foreign members are doubtful', () => {
    const known = new Known({ isSourceGone: true }).event(9n, delta(['u'])).report(9n, 'u');
    expect(known.compared(shown(['u', 'x']))).toMatchObject({
      foreign: [{ target: 'x' }],
      doubts: [expect.stringContaining('the oldest source records are gone')],
    });
    known.event(10n, state(['u']));
    expect(known.compared(shown(['u', 'x']))).not.toHaveProperty('doubts');
  });

  test('an event that could not be read is named, unless a full state is newer', () => {
    const known = new Known()
      .event(1n, delta(['u']))
      .report(1n, 'u')
      .report(2n, null, { outcome: 'invalid' });
    const unread = 'an event of the group, at s/0/2, could not be read: see its dead letter';
    expect(known.compared(shown(['u']))).toEqual({ doubts: [unread], obstacles: [unread] });
    expect(known.event(3n, state(['u'])).compared(shown(['u']))).toEqual({});
  });

  test('a group that nothing names', () => {
    expect(new Known().compared(shown(['x']))).toEqual({
      foreign: [{ member: null, target: 'x' }],
      doubts: ['no event and no report names the group'],
    });
  });
});

describe('drift: with an id map', () => {
  const table = new Map([
    ['u@idp', 'T-1'],
    ['u2@idp', 'T-1'],
  ]);
  const mapped = { targetOf: (name: string) => table.get(name) ?? null };

  test('two names of one member are one: the newer change counts', () => {
    const known = new Known(mapped).event(1n, delta(['u@idp'])).event(2n, delta([], ['u2@idp']));
    expect(known.compared(shown([]))).toEqual({});
    expect(known.compared(shown(['T-1']))).toEqual({ extra: [{ member: 'u2@idp', target: 'T-1', ...noReport }] });
  });

  test('one whom the map does not know is no drift, and is said; what waits for the map is pending', () => {
    const known = new Known(mapped).event(1n, delta(['w@idp']));
    expect(known.compared(shown([]))).toEqual({
      doubts: ['of 1 whom the source wants neither the id map nor a report says what Genesys Cloud calls them'],
    });
    // As it is read of a live record: by the source's name.
    const intent = anIntent({ group: 'g', member: 'w@idp', op: 'add', source: { ...at(1n), eventId: null } });
    const waits = new Known({ ...mapped, waiting: [{ intent, state: 'parked' }] }).event(1n, delta(['w@idp']));
    expect(waits.compared(shown([]))).toEqual({
      pending: [{ member: 'w@idp', target: null, op: 'add', state: 'parked' }],
    });
  });

  test('the members of a full state are compared by their names at the target', () => {
    const known = new Known(mapped).event(1n, state(['u@idp'])).report(1n, null);
    expect(known.compared(shown(['T-1']))).toEqual({});
    expect(known.compared(shown([]))).toMatchObject({ undone: [{ member: 'u@idp', target: 'T-1' }] });
  });
});

describe('drift: where the id map has changed', () => {
  /** `u` was added as `U-old`; what the map says now. */
  const addedAsOld = (now: string | null): Known =>
    new Known({ targetOf: (name) => (name === 'u' ? now : null) })
      .event(1n, delta(['u']))
      .report(1n, 'u', { member: 'U-old' });

  test('another name: missing by the new one, extra by the old one, which the source cannot name', () => {
    expect(addedAsOld('U-new').compared(shown(['U-old']))).toEqual({
      missing: [{ member: 'u', target: 'U-new', ...noReport }],
      extra: [{ member: null, target: 'U-old', ...noReport }],
    });
    expect(addedAsOld('U-new').compared(shown(['U-new']))).toEqual({});
    const byState = new Known({ targetOf: () => 'U-new' }).event(1n, state(['u'])).report(1n, 'u', { member: 'U-old' });
    expect(byState.compared(shown([]))).toEqual({ missing: [{ member: 'u', target: 'U-new', ...noReport }] });
  });

  test('no certain name, and a removal: the old name is extra; the same with a member who is wanted is a doubt', () => {
    const removed = addedAsOld(null).event(2n, delta([], ['u']));
    expect(removed.compared(shown(['U-old']))).toEqual({
      extra: [{ member: null, target: 'U-old', ...noReport }],
      doubts: [expect.stringContaining('of 1 whom the source removes neither the id map')],
    });
    expect(addedAsOld(null).compared(shown(['U-old']))).toEqual({
      doubts: [expect.stringContaining('of 1 whom the source wants neither the id map')],
    });
  });

  test('no certain name, removed by a report, and there once more: undone', () => {
    const removed = addedAsOld(null).event(2n, delta([], ['u']));
    removed.report(2n, 'u', { member: 'U-old', op: 'remove' });
    expect(removed.compared(shown([]))).toEqual({});
    expect(removed.compared(shown(['U-old']))).toMatchObject({
      undone: [{ member: null, target: 'U-old', op: 'remove', report: 's/0/2/u' }],
    });
  });

  test('reports about another group of the target say nothing of this one', () => {
    const elsewhere = new Known({ target: 'G-new', targetOf: () => 'U' })
      .event(1n, delta(['u']))
      .report(1n, 'u', { member: 'U', group: 'G-old' });
    expect(elsewhere.compared(shown([]))).toEqual({ missing: [{ member: 'u', target: 'U', ...noReport }] });
    const others = new Known({ target: 'G-new', targetOf: () => null });
    others.event(1n, delta([], ['u'])).report(1n, 'u', { member: 'U', group: 'G-old', op: 'remove' });
    expect(others.compared(shown(['U']))).toMatchObject({ foreign: [{ target: 'U' }] });
    const request = { etag_after: '"9"' } as ReportRecord['request'];
    elsewhere.report(2n, 'u', { member: 'U', group: 'G-old', request });
    expect([elsewhere.facts.lastVersionOf('G-old'), elsewhere.facts.lastVersionOf('G-new')]).toEqual(['"9"', null]);
  });
});

describe('drift: what cannot be read', () => {
  const batch = { topic: 'source', partition: 0, offset: 5n, message: 'source: no' } as const;

  test('is a doubt and an obstacle, and who is wanted is not certain; a newer full state replaces what the source says', () => {
    const known = new Known({ unreadable: [batch] }).event(1n, delta(['u'])).report(1n, 'u');
    const said = [expect.stringMatching(/^source: no; it may be about the group, until a full state/)];
    expect(known.compared(shown(['u']))).toEqual({ doubts: said, obstacles: said });
    expect(known.event(6n, state(['u'])).compared(shown(['u']))).toEqual({});
    const retry = new Known({ unreadable: [{ ...batch, topic: 'retry' }] }).event(6n, state(['u']));
    expect(retry.compared(shown(['u']))).toMatchObject({ obstacles: [expect.stringContaining('may wait there')] });
  });
});

describe('drift: a group that is gone on both sides', () => {
  const gone = (known: Known): boolean => isGoneInSource({ facts: known.facts, waiting: known.more.waiting ?? [] });

  test('is deleted, and nothing newer wants a member', () => {
    const deleted = () => new Known().event(1n, delta(['u'])).event(2n, state([], true));
    expect(gone(deleted())).toBe(true);
    expect(gone(deleted().event(3n, delta([], ['u'])))).toBe(true);
    expect(gone(deleted().event(3n, delta(['u'])))).toBe(false);
    expect(gone(deleted().event(3n, state([])))).toBe(false);
    expect(gone(deleted().report(3n, null, { outcome: 'invalid' }))).toBe(false);
    const intent = anIntent({ group: 'g', member: 'u', op: 'add', source: { ...at(3n), eventId: null } });
    expect(gone(new Known({ waiting: [{ intent, state: 'parked' }] }).event(2n, state([], true)))).toBe(false);
  });
});

describe('drift: where a file says who is wanted', () => {
  const wanted = new Map([['u', 'u']]);

  test('missing, extra and foreign are by the file, undone and pending by the topics', () => {
    const known = new Known({ wanted }).event(1n, delta(['v'])).report(1n, 'v');
    const otherwise = { event: 's/0/1', event_at: '1970-01-01T00:00:00.001Z' };
    expect(known.compared(shown(['v', 'x']))).toEqual({
      missing: [{ ...u, ...noReport }],
      extra: [{ member: 'v', target: 'v', evidence: 'source_says_otherwise', report: null, ...otherwise }],
      foreign: [{ member: null, target: 'x' }],
    });
    const removed = new Known({ wanted }).event(1n, delta([], ['u'])).report(1n, 'u', { op: 'remove' });
    expect(removed.compared(shown([]))).toEqual({
      missing: [{ ...u, evidence: 'source_says_otherwise', report: null, ...otherwise }],
    });
    expect(new Known({ wanted }).report(1n, 'u').compared(shown([]))).toMatchObject({ undone: [{ member: 'u' }] });
    const unread = new Known({ wanted, isCommitted: () => false }).event(1n, delta(['u']));
    expect(unread.compared(shown([]))).toMatchObject({ pending: [{ member: 'u', state: 'unread' }] });
  });
});
