/** What the target accepts and does not show (protocol.md 7.6): fresh reads with growing pauses decide, outside the slot. */
import { describe, expect, test } from 'vitest';
import type { RawAnswer } from '../../fuzz/answers.ts';
import type { Asked } from '../../fuzz/connections.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { QuickWorld, answer } from '../../support/quick-world.ts';
import { aService, aToken, isLogin } from '../../support/virtual-service.ts';

const LATE_APPLY_MS = 20_000;

interface Version {
  readonly at: number;
  readonly version: number;
  readonly members: readonly string[];
}

interface Operation {
  readonly op: 'add' | 'remove';
  readonly path: string;
  readonly value?: readonly { readonly value: string }[];
}

interface Behaviour {
  /** How far reads, and the bodies of answers to PATCHes, lag behind. */
  readonly lagMs: number;
  /** Answers to PATCHes show what is so. */
  readonly isShownAtOnce?: true;
  /** Versions have no order. */
  readonly isOpaque?: true;
  /** The version is a hash of the members, as proxies make it. */
  readonly isHash?: true;
  /** A rule of the target's own: it says yes and does nothing. */
  readonly ignores?: (member: string) => boolean;
  /** PATCHes are answered 204 without a version. */
  readonly isBare?: true;
}

/** Groups with versions; what is read of them is what was so a while ago. */
class LaggingTarget {
  readonly #versions = new Map<string, Version[]>();
  readonly #clock: ManualClock;
  behaviour: Behaviour;
  /** Answers instead of it; null: nothing does. */
  instead: (asked: Asked) => RawAnswer | null = () => null;

  constructor(clock: ManualClock, behaviour: Behaviour) {
    this.#clock = clock;
    this.behaviour = behaviour;
  }

  readonly respond = (asked: Asked): RawAnswer => {
    if (isLogin(asked)) return aToken();
    const group = asked.path.split('/').at(-1) ?? '';
    return this.instead(asked) ?? (asked.method === 'PATCH' ? this.#patch(group, asked) : this.#read(group));
  };

  members(group: string): readonly string[] {
    return this.#of(group).at(-1)?.members ?? [];
  }

  #of(group: string): Version[] {
    const versions = this.#versions.get(group) ?? [{ at: -Infinity, version: 1, members: [] }];
    this.#versions.set(group, versions);
    return versions;
  }

  #patch(group: string, { headers, body }: Asked): RawAnswer {
    const versions = this.#of(group);
    const last = versions.at(-1) ?? { version: 1, members: [] };
    if (headers['if-match'] !== this.#tag(last)) return { status: 412, headers: {}, body: Buffer.alloc(0) };
    const members = new Set(last.members);
    const { Operations } = JSON.parse(body ?? '') as { readonly Operations: readonly Operation[] };
    for (const { op, path, value } of Operations) {
      const named = op === 'add' ? (value ?? []).map((each) => each.value) : [path.slice(18, -2)];
      for (const member of named.filter((each) => this.behaviour.ignores?.(each) !== true))
        if (op === 'add') members.add(member);
        else members.delete(member);
    }
    this.write(group, [...members]);
    if (this.behaviour.isBare) return { status: 204, headers: {}, body: Buffer.alloc(0) };
    return this.#read(group, this.behaviour.isShownAtOnce ? 0 : this.behaviour.lagMs);
  }

  /** As another program does. */
  write(group: string, members: readonly string[]): void {
    const versions = this.#of(group);
    versions.push({ at: this.#clock.now().monotonic, version: versions.length + 1, members });
  }

  #tag({ version, members }: Pick<Version, 'version' | 'members'>): string {
    if (this.behaviour.isHash) return `"${members.toSorted().join('-')}."`;
    return this.behaviour.isOpaque ? `"${(version * 7_919) % 1_000}-x"` : `"${version}"`;
  }

  #read(group: string, lagMs = this.behaviour.lagMs): RawAnswer {
    const seen = this.#of(group).findLast(({ at }) => at <= this.#clock.now().monotonic - lagMs);
    const members = (seen?.members ?? []).map((value) => ({ value }));
    const body = Buffer.from(JSON.stringify({ id: group, members }));
    return { status: 200, headers: { etag: this.#tag(seen ?? { version: 1, members: [] }) }, body };
  }
}

async function aCase(behaviour: Behaviour) {
  const clock = new ManualClock();
  const target = new LaggingTarget(clock, behaviour);
  const service = await aService(target.respond, { clock, pipeline: { lateApplyMs: LATE_APPLY_MS, concurrency: 1 } });
  const outcomes = (): Record<string, string> =>
    Object.fromEntries(
      service.reports().flatMap(({ final, op, member, outcome }) => (final ? [[`${op} ${member}`, outcome]] : [])),
    );
  const reads = (group = 'g') =>
    service.asked.filter(({ method, path }) => method === 'GET' && path.endsWith(`/${group}`)).length;
  return { ...service, target, outcomes, reads };
}

describe.each([300, 1_500, 4_000, 12_000, 19_000])('reads lag %i ms behind writes', (lagMs) => {
  test.each<[string, Partial<Behaviour>]>([
    ['with a body that shows what was before', {}],
    ['without a body', { isBare: true }],
  ])('a change that is answered %s is applied, and sent once', async (_, more) => {
    const { clock, produce, outcomes, asked, target, reports } = await aCase({ lagMs, ...more });
    produce('g', { add_members: ['ada'] });
    await clock.advance(2 * LATE_APPLY_MS);
    expect(target.members('g')).toEqual(['ada']);
    expect(outcomes()).toEqual({ 'add ada': 'applied' });
    expect(reports()[0]?.request).toMatchObject({ verified: true });
    expect(asked.filter(({ method }) => method === 'PATCH')).toHaveLength(1);
  });

  test('a removal is applied too', async () => {
    const { clock, produce, outcomes, target } = await aCase({ lagMs });
    produce('g', { add_members: ['ada'] });
    await clock.advance(2 * LATE_APPLY_MS);
    produce('g', { remove_members: ['ada'] });
    await clock.advance(2 * LATE_APPLY_MS);
    expect(target.members('g')).toEqual([]);
    expect(outcomes()).toEqual({ 'add ada': 'applied', 'remove ada': 'applied' });
  });

  test('the opposite that comes meanwhile is no no-op by what an old read shows', async () => {
    const { clock, produce, outcomes, target } = await aCase({ lagMs });
    produce('g', { add_members: ['ada'] });
    await clock.advance(200);
    produce('g', { remove_members: ['ada'] });
    await clock.advance(4 * LATE_APPLY_MS);
    expect(target.members('g')).toEqual([]);
    expect(outcomes()).toMatchObject({ 'add ada': 'superseded' });
    expect(['applied', 'recovered']).toContain(outcomes()['remove ada']);
  });

  test('a full state that comes meanwhile is worked out by what is so', async () => {
    const { clock, produce, target } = await aCase({ lagMs });
    produce('g', { add_members: ['ada', 'ben'] });
    await clock.advance(200);
    produce('g', { members: ['cid'], complete: true });
    await clock.advance(5 * LATE_APPLY_MS);
    expect(target.members('g')).toEqual(['cid']);
  });
});

describe.each([300, 1_500, 4_000, 12_000, 19_000])('reads alone lag %i ms behind writes', (lagMs) => {
  const lagging = (more: Partial<Behaviour>): Promise<Awaited<ReturnType<typeof aCase>>> =>
    aCase({ lagMs, isShownAtOnce: true, ...more });

  describe.each<[string, Partial<Behaviour>]>([
    ['integers', {}],
    ['opaque', { isOpaque: true }],
  ])('and versions are %s', (_, more) => {
    test('a full state that follows a change is worked out by no older read', async () => {
      const { clock, produce, target, outcomes } = await lagging(more);
      target.write('g', ['ben']);
      await clock.advance(LATE_APPLY_MS);
      produce('g', { add_members: ['ada'] });
      await clock.advance(200);
      expect(outcomes()).toEqual({ 'add ada': 'applied' });
      produce('g', { members: ['ben'], complete: true });
      await clock.advance(3 * LATE_APPLY_MS);
      expect(target.members('g')).toEqual(['ben']);
      expect(outcomes()).toMatchObject({ 'remove ada': 'applied' });
    });

    test('whom it names is there, although an older read shows them', async () => {
      const { clock, produce, target } = await lagging(more);
      target.write('g', ['ada', 'ben']);
      await clock.advance(LATE_APPLY_MS);
      produce('g', { remove_members: ['ada'] });
      await clock.advance(200);
      produce('g', { members: ['ada', 'ben'], complete: true });
      await clock.advance(3 * LATE_APPLY_MS);
      expect(new Set(target.members('g'))).toEqual(new Set(['ada', 'ben']));
    });

    test('the opposite that another program sends into a conflict is no no-op', async () => {
      const { clock, produce, target, outcomes } = await lagging(more);
      produce('g', { add_members: ['ada'] });
      await clock.advance(200);
      target.write('g', ['ada', 'foreign']);
      produce('g', { remove_members: ['ada'] });
      await clock.advance(3 * LATE_APPLY_MS);
      expect(target.members('g')).toEqual(['foreign']);
      expect(['applied', 'recovered']).toContain(outcomes()['remove ada']);
    });

    test('several changes in a row, and reads that are several versions old', async () => {
      const { clock, produce, target } = await lagging(more);
      for (const member of ['ada', 'ben', 'cid', 'dan']) {
        produce('g', { add_members: [member] });
        await clock.advance(150);
      }
      produce('g', { members: ['ben'], complete: true });
      await clock.advance(3 * LATE_APPLY_MS);
      expect(target.members('g')).toEqual(['ben']);
    });
  });

  test('older reads are few', async () => {
    const { clock, produce, reads } = await lagging({});
    produce('g', { add_members: ['ada'] });
    await clock.advance(200);
    const before = reads();
    produce('g', { members: [], complete: true });
    await clock.advance(LATE_APPLY_MS);
    expect(reads() - before).toBeLessThanOrEqual(7);
  });
});

describe.each<[string, Partial<Behaviour>]>([
  ['integers', {}],
  ['opaque', { isOpaque: true }],
])('unconfirmed: of a change whose answer named no version, where versions are %s', (_, more) => {
  type Answered = (target: LaggingTarget, members: readonly string[]) => void;
  test.each<[string, Answered]>([
    [
      'a 503 that took effect',
      (target, members) => {
        target.instead = ({ method }) => {
          if (method !== 'PATCH') return null;
          target.instead = () => null;
          target.write('g', members);
          return { status: 503, headers: {}, body: Buffer.alloc(0) };
        };
      },
    ],
    ['a 204 without an ETag', (target) => (target.behaviour = { ...target.behaviour, isBare: true })],
  ])('%s: a read that is older than one before it is not believed', async (_name, answer) => {
    const { clock, produce, target, outcomes } = await aCase({ lagMs: 0, ...more });
    target.write('g', ['ben']);
    await clock.advance(LATE_APPLY_MS);
    answer(target, ['ben', 'ada']);
    produce('g', { add_members: ['ada'] });
    while (outcomes()['add ada'] === undefined) await clock.advance(500);
    expect(target.members('g')).toEqual(['ben', 'ada']);
    // when another replica answers, which is behind
    target.behaviour = { ...target.behaviour, lagMs: LATE_APPLY_MS - 1_000 };
    produce('g', { members: ['ben'], complete: true });
    await clock.advance(3 * LATE_APPLY_MS);
    expect(target.members('g')).toEqual(['ben']);
    expect(outcomes()).toMatchObject({ 'remove ada': 'applied' });
  });
});

test('unconfirmed: of a read that is known to be old nothing is sent, so that no attempt is used up', async () => {
  const { clock, produce, target, asked, outcomes } = await aCase({ lagMs: 0 });
  produce('g', { add_members: ['ada'] });
  await clock.advance(500);
  target.behaviour = { ...target.behaviour, lagMs: LATE_APPLY_MS - 1_000 };
  target.write('g', ['ada', 'foreign']);
  const before = asked.length;
  produce('g', { add_members: ['ben'] });
  await clock.advance(3 * LATE_APPLY_MS);
  expect(target.members('g')).toEqual(['ada', 'foreign', 'ben']);
  expect(outcomes()).toMatchObject({ 'add ben': 'applied' });
  expect(asked.slice(before).filter(({ method }) => method === 'PATCH')).toHaveLength(2);
});

test('unconfirmed: a version that is refused after a PATCH under it was accepted is replaced: one attempt is used up', async () => {
  const { clock, produce, target, asked, reports } = await aCase({ lagMs: LATE_APPLY_MS - 1_000, isBare: true });
  produce('g', { add_members: ['ada'] });
  await clock.advance(500);
  produce('g', { add_members: ['ben'] });
  await clock.advance(3 * LATE_APPLY_MS);
  expect(target.members('g')).toEqual(['ada', 'ben']);
  expect(asked.filter(({ method }) => method === 'PATCH').length).toBeLessThanOrEqual(4);
  expect(reports().filter(({ member, final }) => member === 'ben' && !final).length).toBeLessThanOrEqual(1);
});

test.each<[string, Partial<Behaviour>]>([
  ['integers', {}],
  ['opaque', { isOpaque: true }],
  ['hashes', { isHash: true }],
])('unconfirmed: nor while a request is in doubt, where versions are %s', async (_, more) => {
  const { clock, produce, target, reports } = await aCase({ lagMs: 0, ...more });
  produce('g', { add_members: ['ada'] });
  await clock.advance(500);
  // given a change of another program, and a PATCH after it that has no sure answer
  target.write('g', ['ada', 'foreign']);
  let patches = 0;
  target.instead = ({ method }) => {
    if (method !== 'PATCH' || ++patches === 1) return null;
    target.instead = () => null;
    // when reads lag from then on
    target.behaviour = { ...target.behaviour, lagMs: LATE_APPLY_MS - 1_000 };
    return { status: 503, headers: {}, body: Buffer.alloc(0) };
  };
  produce('g', { add_members: ['ben'] });
  await clock.advance(4 * LATE_APPLY_MS);
  expect(target.members('g')).toEqual(['ada', 'foreign', 'ben']);
  // then the 503 has used up the one attempt, and its 412 is the one conflict
  expect(reports().at(-1)).toMatchObject({ member: 'ben', outcome: 'recovered', attempt: 1, conflicts: 1 });
});

test('unconfirmed: the same members as before under the same version, a hash of them, are no older read', async () => {
  const { clock, produce, outcomes, reads } = await aCase({ lagMs: 0, isHash: true });
  produce('g', { add_members: ['ada'] });
  await clock.advance(200);
  produce('g', { remove_members: ['ada'] });
  await clock.advance(200);
  const before = reads();
  produce('g', { members: ['ben'], complete: true });
  await clock.advance(500);
  expect(outcomes()).toMatchObject({ 'add ben': 'applied' });
  expect(reads() - before).toBeLessThanOrEqual(1);
});

describe('a rule of the target stands against it', () => {
  const behaviour = { lagMs: 0, ignores: (member: string) => member === 'owner' };

  test('fresh reads after 1, 2, 4, 8 s and at the end decide; nothing is final before', async () => {
    const { clock, produce, outcomes, reads, reports } = await aCase(behaviour);
    produce('g', { add_members: ['owner'] });
    await clock.advance(500);
    const counts: number[] = [];
    for (let second = 0; second < 20; second++) {
      counts.push(reads() - 1);
      expect(outcomes()).toEqual({});
      await clock.advance(1_000);
    }
    expect(counts).toEqual([0, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4]);
    expect(reads() - 1).toBe(5);
    expect(outcomes()).toEqual({ 'add owner': 'failed' });
    expect(reports().at(-1)?.reason).toMatchObject({ code: 'not_effective', status: 200 });
  });

  test('other members land with the request, other groups have the slot, and their changes wait for nothing', async () => {
    const { clock, produce, outcomes } = await aCase(behaviour);
    produce('g', { add_members: ['owner', 'ada'] });
    await clock.advance(500);
    expect(outcomes()).toEqual({ 'add ada': 'applied' });
    produce('other', { add_members: ['ben'] });
    produce('g', { add_members: ['cid'] });
    await clock.advance(500);
    expect(outcomes()).toEqual({ 'add ada': 'applied', 'add ben': 'applied', 'add cid': 'applied' });
  });

  test('a newer intent takes its place', async () => {
    const { clock, produce, outcomes } = await aCase(behaviour);
    produce('g', { add_members: ['owner'] });
    await clock.advance(2_500);
    produce('g', { remove_members: ['owner'] });
    await clock.advance(2 * LATE_APPLY_MS);
    expect(outcomes()).toEqual({ 'add owner': 'superseded', 'remove owner': 'already_synced' });
  });

  test('a drain ends the looks, and leaves it to the next owner', async () => {
    const { clock, produce, outcomes, reads, pipeline } = await aCase(behaviour);
    produce('g', { add_members: ['owner'] });
    await clock.advance(1_500);
    const before = reads();
    await Promise.all([pipeline.drain(), clock.advance(2 * LATE_APPLY_MS)]);
    expect(reads()).toBe(before);
    expect(outcomes()).toEqual({});
  });
});

test.each([429, 503, 404])('unconfirmed: looks that are answered %i prove nothing, and are few', async (status) => {
  const { clock, produce, outcomes, reads, target } = await aCase({ lagMs: 500 });
  produce('g', { add_members: ['ada'] });
  await clock.advance(700);
  target.instead = ({ method }) => (method === 'GET' ? { status, headers: {}, body: Buffer.alloc(0) } : null);
  const before = reads();
  await clock.advance(LATE_APPLY_MS - 1_000);
  expect(outcomes()).toEqual({});
  expect(reads() - before).toBeLessThanOrEqual(6);
  target.instead = () => null;
  await clock.advance(120_000);
  expect(['applied', 'recovered']).toContain(outcomes()['add ada']);
});

test('unconfirmed: an addition that was accepted is forgotten where the removal after it is held', async () => {
  // given an addition that is accepted while the removal of its member comes, and a first look without an answer
  const guard = { groupPercent: 30, groupFloor: 0, groupCount: 1_000, windowCount: 1_000, windowMs: 60_000 };
  const retry = { baseMs: 100, capMs: 100, attemptsMax: 5, slowScheduleMs: [] };
  const world = new QuickWorld({ pipeline: { lateApplyMs: LATE_APPLY_MS, guard, retry } });
  const { pipeline } = await world.start();
  const { target, clock } = world;
  target.group('g').members.add('one').add('two');
  target.onPatch = (request) => {
    target.apply(request);
    world.produce({ remove_members: ['ada'] });
    target.onGet = () => {
      target.onGet = () => null;
      return answer(503);
    };
    return answer(204);
  };
  world.produce({ add_members: ['ada'] });
  await clock.advance(900);
  expect(pipeline.stats().held).toBe(1);
  expect(pipeline.sizes()).toMatchObject({ unconfirmed: 1, waiting: 1 });
  // when no read can show what was before
  const before = target.requestCount;
  await clock.advance(LATE_APPLY_MS);
  // then it is forgotten without a request, and its group waits for the operator alone
  expect(pipeline.sizes()).toMatchObject({ unconfirmed: 0, waiting: 0, groups: 1 });
  expect(target.requestCount).toBe(before);
});
