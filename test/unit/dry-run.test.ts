/** What `rollcall plan` foretells of full states, of the guard and of ids (the rest: test/contract/plan.test.ts). */
import { describe, expect, test } from 'vitest';
import { type ChangeEvent, type Intent, sourceMember, WHOLE_GROUP } from '../../src/core/change/change.ts';
import { FoldedChanges } from '../../src/console/folded-changes.ts';
import {
  preview,
  foreseeRefused,
  type Names,
  type PlanOptions,
  predictionsOf,
  type GroupIntents,
} from '../../src/console/dry-run.ts';
import { Rehearsal } from '../../src/console/rehearsal.ts';
import { intentFor } from '../../src/core/change/pending.ts';
import type { Snapshot } from '../../src/core/target/snapshot.ts';
import { planJson } from '../../src/console/plan-text.ts';
import { aSnapshot } from '../support/a-snapshot.ts';
import { atOffset } from '../support/an-intent.ts';

const options: PlanOptions = {
  publicApiUrl: 'https://api.example.com',
  membersPerPatchMax: 50,
  guard: { groupPercent: 30, groupFloor: 10, groupCount: 500, windowCount: 5_000, windowMs: 600_000 },
  retry: { baseMs: 1, capMs: 1, attemptsMax: 5, slowScheduleMs: [60_000] },
  removedBefore: 0,
};
const sameNames: Names = { group: 'g', members: new Map() };
const showing = (...members: string[]): Snapshot => aSnapshot(members);
const named = (count: number): string[] => Array.from({ length: count }, (_, i) => `m${i}`);

const add = (offset: bigint, member: string): Intent => atOffset(offset, { member });
const remove = (offset: bigint, member: string): Intent => atOffset(offset, { member, op: 'remove' });
const state = (offset: bigint, members: readonly string[], deleted = false): Intent =>
  atOffset(offset, { op: 'state', member: WHOLE_GROUP, whole: { members, deleted } });

/** Intents with one offset are one event. */
function eventsOf(intents: readonly Intent[]): ChangeEvent[] {
  const events = new Map<bigint, ChangeEvent>();
  const common = { group: 'g', eventId: null, occurredAt: null };
  for (const intent of intents) {
    const { op, whole, source } = intent;
    const name = [sourceMember(intent)];
    if (whole !== null) {
      events.set(source.offset, { kind: 'state', ...common, members: whole.members, deleted: whole.deleted });
      continue;
    }
    const former = events.get(source.offset);
    const { add, remove } = former?.kind === 'delta' ? former : { add: [], remove: [] };
    const more = op === 'add' ? { add: [...add, ...name], remove } : { add, remove: [...remove, ...name] };
    events.set(source.offset, { kind: 'delta', ...common, ...more });
  }
  return [...events.values()];
}

/** In the order of the source. */
function folded(...intents: readonly Intent[]): GroupIntents {
  const changes = new FoldedChanges({ topic: 't', partition: 0 });
  for (const [offset, each] of eventsOf(intents).entries()) changes.take(each, { offset: BigInt(offset), index: null });
  const [group, ...others] = changes.takeGroups();
  if (group === undefined || others.length > 0) throw new Error('one group is wanted');
  return group.folded();
}

function previewed(wanted: GroupIntents, snapshot: Snapshot, names: Names = sameNames) {
  const plan = preview(wanted, snapshot, names, options);
  const { requests, noop, group, etag } = plan;
  const predicted = [...predictionsOf(plan)];
  const operations = requests.flatMap(({ body }) => body.Operations);
  return {
    group,
    etag,
    noop,
    predicted: predicted.map(({ member, outcome, code }) => `${member} ${outcome}${code === null ? '' : ` ${code}`}`),
    paths: requests.map(({ path }) => path),
    removed: operations.filter(({ op }) => op === 'remove').map(({ path }) => path),
    added: operations.flatMap(({ value }) => value ?? []).map(({ value }) => value),
  };
}

test('of two names of one member the newer change counts', () => {
  const isA = { kind: 'found', id: 'a', isActive: true } as const;
  const names: Names = {
    group: 'g',
    members: new Map([
      ['new-a', isA],
      ['old-a', isA],
    ]),
  };
  const plan = previewed(folded(remove(1n, 'old-a'), add(2n, 'new-a')), showing(), names);
  expect(plan).toMatchObject({ added: ['a'], removed: [], predicted: ['old-a superseded', 'new-a applied'] });
});

describe('a full state', () => {
  test('comes to adds and removals of its own', () => {
    const plan = previewed(folded(state(1n, ['a', 'b'])), showing('b', 'c'));
    expect(plan).toMatchObject({ added: ['a'], removed: ['members[value eq "c"]'], noop: [] });
    expect(plan.predicted).toEqual(['a applied', 'c applied']);
  });

  test('that changes nothing is shown once, for no member', () => {
    const plan = previewed(folded(state(1n, ['a'])), showing('a'));
    expect(plan).toMatchObject({ paths: [], noop: [], predicted: ['null already_synced'] });
  });

  test('takes the place of everything older, and newer changes stand on top of it', () => {
    const wanted = folded(
      add(1n, 'a'),
      state(2n, []),
      add(3n, 'z'),
      state(4n, ['b', 'd']),
      add(5n, 'c'),
      remove(6n, 'b'),
    );
    const plan = previewed(wanted, showing('a', 'b'));
    expect(plan.added.toSorted()).toEqual(['c', 'd']);
    expect(plan.removed.toSorted()).toEqual(['members[value eq "a"]', 'members[value eq "b"]']);
    expect(plan.predicted.filter((each) => each.endsWith('superseded'))).toEqual([
      'null superseded',
      'a superseded',
      'z superseded',
    ]);
  });

  test('without members, or of a deleted group, is held and removes no member', () => {
    const [empty, deleted] = [state(1n, []), state(1n, [], true)].map((each) => previewed(folded(each), showing('a')));
    expect(empty).toMatchObject({ paths: [], predicted: ['a held empty_state'] });
    expect(deleted).toMatchObject({ paths: [], predicted: ['a held group_deleted'] });
  });

  test('that is held holds nothing newer', () => {
    const plan = previewed(folded(state(1n, [], true), remove(2n, 'b'), add(3n, 'c')), showing('a', 'b'));
    expect(plan).toMatchObject({ added: ['c'], removed: ['members[value eq "b"]'] });
    expect(plan.predicted).toEqual(['b applied', 'c applied', 'a held group_deleted']);
  });

  test('of a group that cannot be read is shown for no member', () => {
    const refused = { failure: { code: 'group_missing' }, rule: 'slow' } as const;
    const plan = foreseeRefused(folded(add(1n, 'a'), state(2n, ['b'])), refused, options);
    expect(plan).toMatchObject({ etag: null, requests: [], noop: [] });
    expect([...predictionsOf(plan)]).toEqual([
      { member: 'a', outcome: 'superseded', code: null },
      { member: null, outcome: 'retry_scheduled', code: 'group_missing' },
    ]);
  });
});

describe('the guard', () => {
  const removals = (count: number): Intent[] => named(count).map((member) => remove(1n, member));

  test('lets 3 of 10 go and holds 4, while the adds beside them go', () => {
    const of = (count: number) => previewed(folded(...removals(count), add(1n, 'new')), showing(...named(10)));
    expect(of(3)).toMatchObject({ added: ['new'], removed: named(3).map((member) => `members[value eq "${member}"]`) });
    expect(of(4)).toMatchObject({ added: ['new'], removed: [] });
    expect(of(4).predicted).toEqual(['new applied', ...named(4).map((member) => `${member} held group_percent`)]);
  });

  test('counts after folding, and only who is there', () => {
    const wanted = folded(...removals(4), add(2n, 'm3'), remove(3n, 'elsewhere'));
    const plan = previewed(wanted, showing(...named(10)));
    expect(plan.removed).toHaveLength(3);
    expect(plan.noop).toEqual(['elsewhere', 'm3']);
  });

  test('counts what a full state would remove', () => {
    const of = (kept: number) => previewed(folded(state(1n, named(kept))), showing(...named(10)));
    expect([of(7).removed.length, of(6).removed.length]).toEqual([3, 0]);
    expect(of(6).predicted[0]).toBe('m6 held group_percent');
  });
});

describe('with an id map', () => {
  const names: Names = {
    group: 'G/1',
    members: new Map([
      ['ada', { kind: 'found', id: 'u-1', isActive: true }],
      ['bob', { kind: 'found', id: 'u-2', isActive: true }],
      ['gone', { kind: 'missing' }],
      ['stranger', { kind: 'unmapped' }],
    ]),
  };

  test('requests speak of the target, predictions of the source', () => {
    const plan = previewed(folded(add(1n, 'ada'), remove(1n, 'bob')), showing('u-2'), names);
    expect(plan).toMatchObject({
      group: 'g',
      paths: ['/api/v2/scim/v2/groups/G%2F1'],
      added: ['u-1'],
      removed: ['members[value eq "u-2"]'],
      predicted: ['bob applied', 'ada applied'],
    });
  });

  test('who is unknown waits, with the reason', () => {
    const plan = previewed(folded(add(1n, 'gone'), remove(2n, 'stranger'), add(1n, 'ada')), showing(), names);
    expect(plan.added).toEqual(['u-1']);
    expect(plan.predicted).toEqual([
      'ada applied',
      'gone retry_scheduled user_missing',
      'stranger retry_scheduled user_unmapped',
    ]);
  });

  test('a full state removes no member that it names under another name, and waits where one may be', () => {
    expect(previewed(folded(state(1n, ['ada'])), showing('u-1'), names).predicted).toEqual(['null already_synced']);
    const unsure = previewed(folded(state(1n, ['ada', 'stranger'])), showing('u-1', 'u-9'), names);
    expect(unsure).toMatchObject({ removed: [], added: [] });
    expect(unsure.predicted).toEqual(['u-9 held unresolved_members', 'stranger retry_scheduled user_unmapped']);
  });

  test('a change that is newer than a full state stands under either name', () => {
    const plan = previewed(folded(state(1n, ['bob']), add(2n, 'ada')), showing('u-1', 'u-2'), names);
    expect(plan).toMatchObject({ paths: [], noop: ['ada'] });
  });
});

describe('a doubtful read', () => {
  const doubtful = aSnapshot(['a'], { isDoubtful: true });

  test('sends what it does not show, removals in a request of their own', () => {
    const plan = preview(folded(add(1n, 'a'), add(2n, 'b'), remove(3n, 'x')), doubtful, sameNames, options);
    expect(plan.requests.map(({ body }) => body.Operations.map(({ op }) => op))).toEqual([['add'], ['remove']]);
    expect(plan.noop).toEqual(['a']);
  });

  test('is not taken for the whole group by a full state', () => {
    const plan = preview(folded(state(1n, ['a'])), doubtful, sameNames, options);
    expect(plan.predicted).toEqual([{ member: null, outcome: 'failed', code: 'members_not_shown' }]);
  });
});

describe('many changes of one member', () => {
  const many = (): GroupIntents =>
    folded(...named(999).map((_, i) => (i % 2 === 0 ? add(BigInt(i), 'm') : remove(BigInt(i), 'm'))));

  test('are kept as their number', () => {
    expect([...many().superseded]).toEqual([['m', 998]]);
    expect(many().intents.size).toBe(1);
  });

  test('are each previewed', () => {
    const plan = preview(many(), showing(), sameNames, options);
    expect([...predictionsOf(plan)].filter(({ outcome }) => outcome === 'superseded')).toHaveLength(998);
    expect(JSON.parse([...planJson(plan)].join(''))).toMatchObject({
      predicted: expect.objectContaining({ length: 999 }),
    });
  });
});

test('removals of other groups count for the window of the guard', () => {
  const wanted = folded(remove(1n, 'm0'), remove(1n, 'm1'));
  const of = (removedBefore: number) =>
    preview(wanted, showing(...named(10)), sameNames, { ...options, removedBefore });
  expect(of(4_998)).toMatchObject({ removalCount: 2, predicted: [{ outcome: 'applied' }, { outcome: 'applied' }] });
  expect(of(4_999)).toMatchObject({
    removalCount: 0,
    predicted: [{ outcome: 'held', code: 'window_count' }, { outcome: 'held' }],
  });
});

test('two spellings of a UUID are one member, shown as the source spells it', () => {
  const id = 'c0ffee00-aaaa-4bbb-8ccc-0123456789ab';
  const origin = { group: 'g', source: add(1n, 'm').source, seenAt: 1 };
  const wanted = folded(
    intentFor(origin, 'add', id),
    intentFor({ ...origin, source: add(2n, 'm').source }, 'remove', id.toUpperCase()),
  );
  const plan = preview(wanted, aSnapshot([id]), sameNames, options);
  expect(plan.requests).toMatchObject([
    { body: { Operations: [{ op: 'remove', path: `members[value eq "${id}"]` }] } },
  ]);
  expect([...predictionsOf(plan)]).toEqual([
    { member: id, outcome: 'superseded', code: null },
    { member: id.toUpperCase(), outcome: 'applied', code: null },
  ]);
});

describe('a rehearsal', () => {
  const unguarded = { groupPercent: 100, groupFloor: 0, groupCount: Infinity, windowCount: Infinity, windowMs: 1 };

  /** How often any intent was looked at. */
  function looksOf(count: number): number {
    let looks = 0;
    const removals = named(count).map((member): Intent => ({
      ...remove(1n, member),
      get op() {
        looks += 1;
        return 'remove' as const;
      },
    }));
    const rehearsal = new Rehearsal(showing(...named(2 * count)), removals, { ...options, guard: unguarded });
    rehearsal.run(removals);
    expect(rehearsal.requests).toHaveLength(count / options.membersPerPatchMax);
    return looks;
  }

  test('of twice as many removals takes twice the looks', () => {
    expect(looksOf(8_000) / looksOf(4_000)).toBeLessThan(2.2);
  });

  test('leaves the members of the read as they are', () => {
    const snapshot = showing(...named(10));
    const plan = preview(folded(remove(1n, 'm0'), add(1n, 'new')), snapshot, sameNames, options);
    expect(plan.requests).toHaveLength(1);
    expect([...snapshot.members]).toEqual(named(10));
  });
});

test('what an approval sends is worked out only where it is asked for', () => {
  const wanted = folded(...named(4).map((member) => remove(1n, member)));
  const of = (parts: Partial<PlanOptions>) =>
    preview(wanted, showing(...named(10)), sameNames, { ...options, ...parts }).held;
  expect(of({})).toBeNull();
  expect(of({ held: 'requests' })?.requests).toMatchObject([{ if_match: '"7"', body: { Operations: { length: 4 } } }]);
});
