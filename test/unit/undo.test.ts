/** Which members an undo changes, against a model: a group, a source, others who change the group, and a service that applies. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Op } from '../../src/core/change/change.ts';
import { KeptIds } from '../../src/core/change/kept-ids.ts';
import { AppliedChanges, namedByItself } from '../../src/core/drift/applied-changes.ts';
import type { KnownOfGroup } from '../../src/core/drift/differences.ts';
import { GroupFacts } from '../../src/core/drift/group-facts.ts';
import { isSettled, undoOf, undoable, type Undo, type UndoOptions } from '../../src/core/drift/undo.ts';
import type { ReportRecord } from '../../src/core/report/report.ts';
import type { Membership } from '../../src/core/target/snapshot.ts';

const MEMBERS = ['a', 'b', 'c', 'd', 'e'];

type Step = { readonly kind: 'state'; readonly members: readonly string[]; readonly by: string } | Single;
interface Single {
  /** `event`: by the source, and it is applied. `unread`: and it is not. `others`: at the target. */
  readonly kind: 'event' | 'unread' | 'others';
  readonly member: string;
  readonly op: Op;
  readonly by: string;
}

const member = fc.constantFrom(...MEMBERS);
const by = fc.constantFrom('ann', 'bob');
const single = fc.record({
  kind: fc.constantFrom('event' as const, 'event' as const, 'event' as const, 'unread' as const, 'others' as const),
  member,
  op: fc.constantFrom<Op>('add', 'remove'),
  by,
});
const wholeState = fc.record({ kind: fc.constant('state' as const), members: fc.uniqueArray(member), by });
const history = fc.array(fc.oneof({ weight: 9, arbitrary: single }, { weight: 1, arbitrary: wholeState }), {
  maxLength: 25,
});
/** In steps. */
const times = fc.tuple(fc.nat(25), fc.nat(25)).map(([one, other]) => [Math.min(one, other), Math.max(one, other) + 1]);

const place = (at: number) => ({ topic: 's', partition: 0, offset: BigInt(at), index: null, timestamp: at });
const timeOf = (at: number): string => new Date(at).toISOString();

const aReport = (at: number, name: string, op: Op, outcome: string): ReportRecord => ({
  v: 1,
  id: `s/0/${at}/${name}`,
  final: true,
  group: 'g',
  member: name,
  source_group: 'g',
  source_member: name,
  op,
  outcome,
  reason: null,
  attempt: 0,
  conflicts: 0,
  source: { topic: 's', partition: 0, offset: String(at), event_id: null, timestamp: at },
  request: null,
  superseded_by: null,
  next_attempt_at: null,
  lag_ms: { queue: null, apply: null },
  epoch: 1,
  reported_at: timeOf(at),
});

/** Step n happens at n ms, and its event has offset n. */
class Model {
  readonly facts = new GroupFacts('g', new KeptIds());
  readonly reports: ReportRecord[] = [];
  readonly authors = new Map<number, string>();
  /** Before step n. */
  readonly before: ReadonlySet<string>[] = [];
  /** Steps that say, or do, something of each member. */
  readonly ofSource = new Map<string, number[]>();
  readonly touchedByOthers = new Set<string>();
  #target = new Set<string>();

  constructor(steps: readonly Step[]) {
    steps.forEach((step, at) => {
      this.before.push(new Set(this.#target));
      this.#play(step, at);
    });
    this.before.push(new Set(this.#target));
  }

  get target(): ReadonlySet<string> {
    return this.#target;
  }

  at(step: number): ReadonlySet<string> {
    return this.before[Math.min(step, this.before.length - 1)] ?? new Set();
  }

  #play(step: Step, at: number): void {
    this.authors.set(at, step.by);
    const header = { group: 'g', eventId: null, occurredAt: null };
    if (step.kind === 'state') {
      this.facts.takeEvent({ ...header, kind: 'state', members: step.members, deleted: false }, place(at));
      for (const name of MEMBERS) this.#wants(name, step.members.includes(name) ? 'add' : 'remove', at, 'changes');
      return;
    }
    const { kind, member: name, op } = step;
    if (kind === 'others') {
      this.touchedByOthers.add(name);
      this.#set(name, op);
      return;
    }
    const [add, remove] = op === 'add' ? [[name], []] : [[], [name]];
    this.facts.takeEvent({ ...header, kind: 'delta', add, remove }, place(at));
    this.#wants(name, op, at, kind === 'unread' ? 'nothing' : 'all');
  }

  #wants(name: string, op: Op, at: number, reported: 'all' | 'changes' | 'nothing'): void {
    this.ofSource.set(name, [...(this.ofSource.get(name) ?? []), at]);
    if (reported === 'nothing') return;
    const isSo = this.#target.has(name) === (op === 'add');
    if (isSo && reported === 'changes') return;
    this.#report(aReport(at, name, op, isSo ? 'already_synced' : 'applied'));
    this.#set(name, op);
  }

  #report(record: ReportRecord): void {
    this.reports.push(record);
    this.facts.takeReport(record);
  }

  #set(name: string, op: Op): void {
    if (op === 'add') this.#target.add(name);
    else this.#target.delete(name);
  }
}

const shown = (members: ReadonlySet<string>): Membership => ({
  members,
  spellings: new Map(),
  nested: new Set(),
  isDoubtful: false,
});

interface Asked {
  readonly since: number;
  readonly until: number;
  readonly author?: string;
  readonly reports?: readonly ReportRecord[];
  readonly known?: Partial<KnownOfGroup>;
  readonly snapshot?: Partial<Membership>;
}

function undo(model: Model, { since, until, author, reports, ...more }: Asked): Undo {
  const applied = new AppliedChanges({ since, until });
  for (const record of reports ?? model.reports) applied.takeReport(record, 'g');
  for (const [at, name] of model.authors) applied.takeEvent(place(at), () => name);
  const known: KnownOfGroup = {
    facts: model.facts,
    target: 'g',
    unreadable: [],
    waiting: [],
    targetOf: (key) => key,
    isCommitted: () => true,
    isSourceGone: false,
    areReportsGone: false,
    wanted: null,
    ...more.known,
  };
  const snapshot = { ...shown(model.target), ...more.snapshot };
  const options: UndoOptions = {
    author: author ?? null,
    madeBy: (change) => applied.madeBy(change),
    nameOf: (name) => name,
    isGoneAfter: () => false,
    isNamed: () => true,
  };
  return undoOf(undoable(applied.ofGroup('g'), options), known, snapshot, options);
}

function after({ target }: Model, { repair }: Undo): ReadonlySet<string> {
  const members = new Set(target);
  if (repair?.kind !== 'delta') return members;
  for (const name of repair.add) members.add(name);
  for (const name of repair.remove) members.delete(name);
  return members;
}

const appliedIn = (model: Model, name: string, { since, until }: Asked): readonly number[] =>
  model.reports
    .filter(({ member: of, outcome }) => of === name && outcome === 'applied')
    .map(({ source }) => Number(source.offset))
    .filter((at) => at >= since && at < until);

/** The opposite of the first change was found so in that time, so an instance that ended may have made it so. */
function isDoubted(model: Model, name: string, { since }: Asked, first: number): boolean {
  const [, op] = model.reports.flatMap((record) =>
    record.member === name && Number(record.source.offset) === first ? [record.outcome, record.op] : [],
  );
  return model.reports.some(({ member: of, outcome, op: other, source }) => {
    const at = Number(source.offset);
    return of === name && outcome === 'already_synced' && other !== op && at >= since && at < first;
  });
}

test('whom nothing has changed since is as before the time, and all others are as they are', () => {
  fc.assert(
    fc.property(history, times, (steps, [since = 0, until = 0]) => {
      const model = new Model(steps);
      const night = { since, until };
      const result = after(model, undo(model, night));
      for (const name of MEMBERS) {
        const changed = appliedIn(model, name, night);
        const [first, last] = [changed[0], changed.at(-1)];
        const newest = model.ofSource.get(name)?.at(-1) ?? -1;
        const isNewer = newest > (last ?? Infinity);
        if (first === undefined || isNewer || isDoubted(model, name, night, first))
          expect(result.has(name)).toBe(model.target.has(name));
        else if (!model.touchedByOthers.has(name)) {
          expect(result.has(name)).toBe(model.at(since).has(name));
          expect(result.has(name)).toBe(model.at(first).has(name));
        }
      }
    }),
  );
});

test('who is undone is as before the first change of the time, also where others did something in between', () => {
  fc.assert(
    fc.property(history, times, (steps, [since = 0, until = 0]) => {
      const model = new Model(steps);
      const { undone, left } = undo(model, { since, until });
      for (const { name, op } of undone) {
        const [first = 0] = appliedIn(model, name, { since, until });
        expect(model.target.has(name)).toBe(op === 'add');
        expect(isDoubted(model, name, { since, until }, first)).toBe(false);
        expect(model.at(first).has(name)).toBe(op !== 'add');
      }
      for (const { change, why, newer } of left) {
        const [first = 0] = appliedIn(model, change.name, { since, until });
        if (why === 'unsure') expect(isDoubted(model, change.name, { since, until }, first)).toBe(true);
        else expect(why).toBe(newer === null ? 'not_there' : 'changed_since');
        if (newer === null && why !== 'unsure') expect(model.target.has(change.name)).toBe(change.op !== 'add');
      }
    }),
  );
});

test('neither the order of reports nor their repetitions matter', () => {
  fc.assert(
    fc.property(history, times, fc.infiniteStream(fc.nat(100)), (steps, [since = 0, until = 0], draws) => {
      const model = new Model(steps);
      const repeated = model.reports.flatMap((record) => [
        record,
        { ...record, epoch: 2, outcome: 'already_synced', reported_at: timeOf(1000) },
        { ...record, epoch: 0 },
      ]);
      const shuffled = repeated
        .map((record) => ({ record, by: draws.next().value ?? 0 }))
        .toSorted((a, b) => a.by - b.by)
        .map(({ record }) => record);
      const nameOf = ({ repair }: Undo): unknown =>
        repair?.kind === 'delta' ? [repair.add.toSorted(), repair.remove.toSorted()] : repair;
      expect(nameOf(undo(model, { since, until, reports: shuffled }))).toEqual(nameOf(undo(model, { since, until })));
    }),
  );
});

test('with an author only what that one has brought is undone', () => {
  fc.assert(
    fc.property(history, times, by, (steps, [since = 0, until = 0], author) => {
      const model = new Model(steps);
      for (const { name, place: of } of undo(model, { since, until, author }).undone) {
        expect(model.authors.get(Number(of.offset))).toBe(author);
        expect(model.ofSource.get(name)?.at(-1)).toBe(Number(of.offset));
      }
    }),
  );
});

describe('what no report says for certain', () => {
  const removed = (outcome: string, more: Partial<ReportRecord> = {}): ReportRecord => ({
    ...aReport(2, 'a', 'remove', outcome),
    ...more,
  });
  const sent = { queue: 0, apply: 1 };

  /** Before `a` is added, at 3. */
  function undoAfter(reports: readonly ReportRecord[], { isAdd = true } = {}): Undo {
    const model = new Model([]);
    const last = aReport(3, 'a', 'add', 'applied');
    const all = isAdd ? [...reports, last] : [...reports.map(opposite), opposite(last)];
    for (const record of all) model.facts.takeReport(record);
    if (isAdd) (model.target as Set<string>).add('a');
    return undo(model, { since: 1, until: 5, reports: all });
  }
  const opposite = (record: ReportRecord): ReportRecord => ({ ...record, op: record.op === 'add' ? 'remove' : 'add' });

  test.each([
    ['its answer was lost', [removed('superseded', { lag_ms: sent })]],
    ['an instance ended before it could report it, and a newer one was read', [removed('superseded')]],
    ['it had failed, and was replaced', [removed('superseded', { attempt: 1 })]],
    ['an instance ended before it could report it', [removed('already_synced')]],
    ['it has failed once', [removed('retry_scheduled', { id: 's/0/2/a#1', final: false, attempt: 1 })]],
    ['it was given up', [removed('failed')]],
    ['all tries have failed', [removed('permanent_failure', { attempt: 9 })]],
    ['it was tried just before the time', [removed('superseded', { lag_ms: sent, reported_at: timeOf(0) })]],
  ])('the opposite just before the first change, %s: the member is left', (_, reports) => {
    for (const isAdd of [true, false])
      expect(undoAfter(reports, { isAdd })).toMatchObject({ undone: [], left: [{ why: 'unsure' }], repair: null });
  });

  test.each([
    ['it was found so before the time', [removed('already_synced', { reported_at: timeOf(0) })]],
    ['it was held', [removed('held', { id: 's/0/2/a#held', final: false })]],
    [
      'it was applied before the time after it had failed',
      [
        removed('retry_scheduled', { id: 's/0/2/a#1', final: false, attempt: 1 }),
        removed('applied', { reported_at: timeOf(0) }),
      ],
    ],
    ['it is the same', [opposite(removed('already_synced'))]],
    ['it is of another group then', [removed('already_synced', { group: 'h' })]],
  ])('but not where %s', (_, reports) => {
    expect(undoAfter(reports)).toMatchObject({ undone: [{ name: 'a' }], repair: { add: [], remove: ['a'] } });
  });

  test('between two changes it does not matter, since the first one says how the member was', () => {
    const first = aReport(1, 'a', 'add', 'applied');
    expect(undoAfter([first, removed('already_synced')])).toMatchObject({ repair: { remove: ['a'] } });
  });

  test('nor is it over where the last change is the opposite of the first', () => {
    const model = new Model([]);
    const reports = [
      removed('already_synced'),
      aReport(3, 'a', 'add', 'applied'),
      aReport(4, 'a', 'remove', 'applied'),
    ];
    for (const record of reports) model.facts.takeReport(record);
    expect(undo(model, { since: 1, until: 5, reports })).toMatchObject({ left: [{ why: 'unsure' }], repair: null });
  });
});

describe('one change of the time', () => {
  const night = { since: 1, until: 5 };

  function modelOf(record: ReportRecord, members: readonly string[]): Model {
    const model = new Model([]);
    model.facts.takeReport(record);
    for (const name of members) (model.target as Set<string>).add(name);
    return model;
  }
  const added = aReport(3, 'a', 'add', 'applied');
  const removed = aReport(3, 'a', 'remove', 'applied');
  const request = {
    patch_id: 'p',
    etag_before: '1',
    etag_after: '2',
    status: 200,
    correlation_id: null,
    duration_ms: 1,
  };
  const after = (record: ReportRecord, members: readonly string[], more: Partial<Asked> = {}): Undo =>
    undo(modelOf(record, members), { ...night, reports: [record], ...more });

  test('that was sent although the list may have left the member out: it is left', () => {
    for (const outcome of ['applied', 'recovered'])
      expect(after({ ...added, outcome, request: { ...request, verified: true, unseen: true } }, ['a'])).toMatchObject({
        left: [{ why: 'unsure' }],
        repair: null,
      });
  });

  test('a removal, where the list may leave members out now: it is left', () => {
    expect(after(removed, [], { snapshot: { isDoubtful: true } })).toMatchObject({ left: [{ why: 'not_shown' }] });
    expect(after(removed, [])).toMatchObject({ repair: { add: ['a'] } });
  });

  test('of an id that the target shows as a group: it is left', () => {
    for (const record of [added, removed])
      expect(after(record, ['a'], { snapshot: { nested: new Set(['a']) } })).toMatchObject({
        left: [{ why: 'is_group' }],
      });
  });

  test('that is not shown, and is read again or waits: it is left, and is not settled', () => {
    const { left } = after(added, [], { known: { isCommitted: () => false } });
    expect(left).toMatchObject([{ why: 'pending' }]);
    expect(left.every(isSettled)).toBe(false);
    const source = { ...place(3), eventId: null };
    const waiting = [{ intent: { op: 'add', member: 'a', target: 'a', source } }] as unknown as KnownOfGroup['waiting'];
    expect(after(added, [], { known: { waiting } })).toMatchObject({ left: [{ why: 'pending' }] });
    expect(after(added, [])).toMatchObject({ left: [{ why: 'not_there' }] });
  });

  test('what cannot be read matters only after it', () => {
    const invalidAt = (at: number): Undo => {
      const model = modelOf(added, ['a']);
      model.facts.takeInvalid(place(at));
      return undo(model, { ...night, reports: [added] });
    };
    expect(invalidAt(2)).toMatchObject({ repair: { kind: 'delta', remove: ['a'] } });
    expect(invalidAt(4)).toMatchObject({ repair: { kind: 'refused' } });
  });

  test('by an event that was read again, when the id map named another: both are kept', () => {
    const applied = new AppliedChanges(night);
    for (const record of [added, { ...added, member: 'b', epoch: 2 }, { ...added, group: 'h', epoch: 3 }])
      applied.takeReport(record, 'g');
    expect(applied.ofGroup('g').map((changes) => changes.map(({ group, target }) => [group, target]))).toEqual([
      [['g', 'a']],
      [['g', 'b']],
      [['h', 'a']],
    ]);
  });

  test('whose report was cut: its id and key name it, or it is known to be missing', () => {
    const cut = { ...added, group: null, member: null, source_member: null };
    const applied = new AppliedChanges(night);
    applied.takeReport(namedByItself(cut, 'g'), 'g');
    expect(applied.ofGroup('g')).toMatchObject([[{ name: 'a', group: 'g', target: 'a' }]]);
    expect(applied.cutReports).toEqual([]);
    applied.takeReport(cut, 'g');
    expect(applied.cutReport('g')).toBe(cut.id);
  });

  test('whose record does not say by whom: an author is not known', () => {
    const model = modelOf(added, ['a']);
    expect(undo(model, { ...night, author: 'ann', reports: [added] })).toMatchObject({
      left: [{ why: 'author_unknown' }],
    });
  });
});
