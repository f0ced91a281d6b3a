/** A member that the target refuses is found by halves: the others land, and no change is given up untested (protocol.md 7.7). */
import { describe, expect, test } from 'vitest';
import type { HttpAnswer, ResponseAnswer } from '../../../src/core/target/refusals.ts';
import type { ReportRecord } from '../../../src/core/report/report.ts';
import { foldReport } from '../../../src/core/report/summary.ts';
import type { PatchGroupRequest } from '../../../src/ports.ts';
import { answer, type QuickOptions, QuickWorld } from '../../support/quick-world.ts';

/** Longer than all tries of the usual schedules. */
const ALL_TRIES_MS = 600_000;

const names = (count: number, prefix = 'u'): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

const scim = (status: number, scimType?: string): ResponseAnswer =>
  answer(status, {
    body: { status: String(status), ...(scimType && { scimType }), detail: 'The request is invalid.' },
  });
const platform = (status: number): ResponseAnswer =>
  answer(status, { body: { status, code: 'bad.request', message: 'The request could not be processed.' } });
const page = (status: number): ResponseAnswer => answer(status, { empty: false });
const noAnswer: HttpAnswer = {
  kind: 'no_response',
  sent: true,
  code: 'ETIMEDOUT',
  message: 'no answer',
  sentAt: 0,
  durationMs: 1,
};

interface Sent {
  readonly members: readonly string[];
  readonly isRefused: boolean;
}

/** A target that refuses every PATCH with a bad member in it. */
class Picky {
  readonly world: QuickWorld;
  readonly sent: Sent[] = [];

  constructor(bad: Iterable<string>, refusal: HttpAnswer, options: QuickOptions = {}) {
    this.world = new QuickWorld(options);
    const refused = new Set(bad);
    this.world.target.onPatch = (request) => {
      const members = membersOf(request);
      const isRefused = members.some((member) => refused.has(member));
      this.sent.push({ members, isRefused });
      return isRefused ? refusal : null;
    };
  }

  async run(event: object, forMs: number): Promise<void> {
    this.world.produce(event);
    await this.world.start();
    await this.world.clock.advance(forMs);
  }

  get members(): ReadonlySet<string> {
    return this.world.target.group('g').members;
  }

  /** Refused in a request of their own. */
  get refusedAlone(): ReadonlySet<string> {
    const alone = this.sent.filter(({ members, isRefused }) => isRefused && members.length === 1);
    return new Set(alone.flatMap(({ members }) => members));
  }

  /** The report of each member that counts. */
  kept(): ReadonlyMap<string, ReportRecord> {
    const kept = new Map<string, ReportRecord>();
    for (const report of this.world.reports()) foldReport(kept, report);
    return new Map([...kept.values()].map((report) => [report.member ?? '', report]));
  }

  outcomes(members: readonly string[]): ReadonlySet<string | undefined> {
    const kept = this.kept();
    return new Set(members.map((member) => kept.get(member)?.outcome));
  }

  givenUp(): readonly string[] {
    const isGivenUp = ({ outcome }: ReportRecord): boolean => outcome === 'failed' || outcome === 'permanent_failure';
    return [...this.kept().values()].filter(isGivenUp).map(({ member }) => member ?? '');
  }
}

function membersOf({ body }: PatchGroupRequest): string[] {
  const adds = body.Operations.flatMap(({ value }) => value?.map((each) => each.value) ?? []);
  const removes = body.Operations.filter(({ op }) => op === 'remove').map(({ path }) => removed(path));
  return [...adds, ...removes];
}

const removed = (path: string): string => JSON.parse(path.slice('members[value eq '.length, -1)) as string;

const aboutMember: readonly (readonly [name: string, refusal: HttpAnswer, end: string])[] = [
  ['400 without a body', answer(400), 'failed'],
  ['400 in generic words', platform(400), 'failed'],
  ['400 in plain text', answer(400, { empty: false, isText: true }), 'failed'],
  ...['invalidSyntax', 'invalidPath', 'invalidFilter', 'mutability', 'sensitive'].map(
    (scimType) => [`400 ${scimType}`, scim(400, scimType), 'failed'] as const,
  ),
  ['400 invalidValue', scim(400, 'invalidValue'), 'retry_scheduled'],
  ['402', platform(402), 'failed'],
  ['403', platform(403), 'retry_scheduled'],
  ['404', platform(404), 'retry_scheduled'],
  ['406', answer(406), 'failed'],
  ['409 uniqueness', scim(409, 'uniqueness'), 'failed'],
  ['410', answer(410), 'failed'],
  ['413', answer(413), 'failed'],
  ['418', answer(418), 'failed'],
  ['422', answer(422), 'retry_scheduled'],
  ['451', answer(451), 'failed'],
];

describe('one bad member of ten', () => {
  test.each(aboutMember)('%s: nine land, and it ends by its own row', async (_, refusal, end) => {
    const picky = new Picky(['u6'], refusal);
    await picky.run({ add_members: names(10) }, 55_000);
    expect([...picky.members].toSorted()).toEqual(names(10).filter((member) => member !== 'u6'));
    expect(picky.outcomes(names(10).filter((member) => member !== 'u6'))).toEqual(new Set(['applied']));
    expect(picky.kept().get('u6')).toMatchObject({ outcome: end });
    expect([...picky.refusedAlone]).toEqual(['u6']);
  });

  test.each(aboutMember)('%s: the same for removals', async (_, refusal, end) => {
    const picky = new Picky(['u6'], refusal);
    for (const member of names(10)) picky.world.target.group('g').members.add(member);
    await picky.run({ remove_members: names(10) }, 55_000);
    expect([...picky.members]).toEqual(['u6']);
    expect(picky.kept().get('u6')).toMatchObject({ outcome: end });
  });

  test.each(aboutMember)('%s: the same for a full state', async (_, refusal) => {
    const picky = new Picky(['u6'], refusal);
    for (const member of names(3, 'old')) picky.world.target.group('g').members.add(member);
    await picky.run({ members: [...names(10), 'old0'], complete: true }, 55_000);
    const landed = names(10).filter((member) => member !== 'u6');
    expect(landed.every((member) => picky.members.has(member))).toBe(true);
    expect(picky.givenUp().every((member) => picky.refusedAlone.has(member))).toBe(true);
  });

  test.each([500, 501, 505, 520])('%i: halved before the last try, and nine land', async (status) => {
    const picky = new Picky(['u6'], answer(status));
    await picky.run({ add_members: names(10) }, ALL_TRIES_MS);
    // Three tries of all, as of any failure of the target.
    expect(picky.sent.slice(0, 4).map(({ members }) => members.length)).toEqual([10, 10, 10, 10]);
    expect(picky.outcomes(names(10).filter((member) => member !== 'u6'))).toEqual(new Set(['recovered']));
    expect(picky.kept().get('u6')).toMatchObject({ outcome: 'permanent_failure', attempt: 5, reason: { status } });
    expect([...picky.refusedAlone]).toEqual(['u6']);
  });

  test.each([1, 2, 3, 4])('500 with %i tries in all: halved in time', async (attemptsMax) => {
    const retry = { baseMs: 1_000, capMs: 30_000, attemptsMax, slowScheduleMs: [] };
    const picky = new Picky(['u6'], answer(500), { pipeline: { retry } });
    await picky.run({ add_members: names(10) }, ALL_TRIES_MS);
    expect(picky.members.size).toBe(9);
    expect(picky.givenUp()).toEqual(['u6']);
    expect(picky.kept().get('u6')).toMatchObject({ outcome: 'permanent_failure', attempt: attemptsMax });
  });

  test('500 and one member a request: the others are not given up with it', async () => {
    const picky = new Picky(['u0'], answer(500), { pipeline: { membersPerPatchMax: 1 } });
    await picky.run({ add_members: names(10) }, ALL_TRIES_MS);
    expect(picky.members.size).toBe(9);
    expect(picky.givenUp()).toEqual(['u0']);
  });
});

/** In words that the table takes for a version conflict. */
const conflicts: readonly (readonly [name: string, refusal: HttpAnswer])[] = [
  ['409', answer(409)],
  ['409 in generic words', platform(409)],
  ...['invalidValue', 'mutability', 'tooMany'].map((scimType) => [`409 ${scimType}`, scim(409, scimType)] as const),
  ['412', answer(412)],
  ['400 invalidVers', scim(400, 'invalidVers')],
];

describe('one bad member of ten, for whom the target calls a version stale that has not moved', () => {
  test.each(conflicts)('%s: halved before the last try, and nine land', async (_, refusal) => {
    const picky = new Picky(['u6'], refusal);
    await picky.run({ add_members: names(10) }, ALL_TRIES_MS);
    // Three tries of all, of four requests each, as of any conflict.
    expect(picky.sent.slice(0, 12).map(({ members }) => members.length)).toEqual(names(12).map(() => 10));
    expect(picky.outcomes(names(10).filter((member) => member !== 'u6'))).toEqual(new Set(['recovered']));
    expect(picky.kept().get('u6')).toMatchObject({ outcome: 'permanent_failure', reason: { code: 'conflict' } });
    expect([...picky.refusedAlone]).toEqual(['u6']);
  });

  test.each([1, 2, 3])('with %i tries in all: halved in time', async (attemptsMax) => {
    const retry = { baseMs: 1_000, capMs: 30_000, attemptsMax, slowScheduleMs: [] };
    const picky = new Picky(['u6'], answer(412), { pipeline: { retry } });
    await picky.run({ add_members: names(10) }, ALL_TRIES_MS);
    expect(picky.members.size).toBe(9);
    expect(picky.givenUp()).toEqual(['u6']);
  });

  test.each([0, 1, 5])('with MAX_CONFLICTS=%i', async (conflictsMax) => {
    const picky = new Picky(['u6', 'u8'], scim(409, 'mutability'), { pipeline: { conflictsMax } });
    await picky.run({ add_members: names(10) }, ALL_TRIES_MS);
    expect(picky.members.size).toBe(8);
    expect(picky.givenUp().toSorted()).toEqual(['u6', 'u8']);
  });

  test('and weak tags, which are tried in each of their forms', async () => {
    const picky = new Picky(['u6'], answer(412));
    picky.world.target.onGet = ({ group }) => ({ ...picky.world.target.shown(group), etag: 'W/"weak"' });
    await picky.run({ add_members: names(10) }, ALL_TRIES_MS);
    expect(picky.members.size).toBe(9);
    expect(picky.givenUp()).toEqual(['u6']);
  });

  test('nothing is halved where the version has moved, since then another writer is at work', async () => {
    const picky = new Picky(['u6'], answer(412));
    const { onPatch } = picky.world.target;
    picky.world.target.onPatch = (request) => {
      picky.world.target.group('g').version += 1;
      return onPatch(request);
    };
    await picky.run({ add_members: names(10) }, ALL_TRIES_MS);
    expect(new Set(picky.sent.map(({ members }) => members.length))).toEqual(new Set([10]));
  });
});

describe('a group that takes many requests, of which some fail', () => {
  const failing: readonly (readonly [name: string, failure: HttpAnswer])[] = [
    ['503', answer(503)],
    ['504 of a proxy', page(504)],
    ['500', answer(500)],
    ['no answer', noAnswer],
  ];

  test.each(failing)('%s: only what was in such a request has used up a try', async (_, failure) => {
    const world = new QuickWorld();
    const sent = new Map<string, number>();
    let count = 0;
    world.target.onPatch = (request) => {
      count += 1;
      if (count % 5 !== 0) return null;
      for (const member of membersOf(request)) sent.set(member, (sent.get(member) ?? 0) + 1);
      return failure;
    };
    world.produce({ add_members: names(2_000) });
    await world.start();
    await world.clock.advance(ALL_TRIES_MS);
    expect(world.target.group('g').members.size).toBe(2_000);
    const ends = world.reports().filter(({ final }) => final);
    expect(ends.filter(({ member, attempt }) => attempt !== (sent.get(member ?? '') ?? 0))).toEqual([]);
  });

  test('a group whose requests all fail ends part by part, each change after its own tries', async () => {
    const picky = new Picky(names(120), answer(503));
    await picky.run({ add_members: names(120) }, ALL_TRIES_MS);
    expect(picky.givenUp()).toHaveLength(120);
    expect([...picky.kept().values()].filter(({ attempt }) => attempt !== 5)).toEqual([]);
    expect(picky.sent.length).toBeLessThanOrEqual(30);
  });

  test('conflicts until the last try of some use up none of the others', async () => {
    const world = new QuickWorld();
    const refused = new Set(names(50));
    world.target.onPatch = (request) => {
      if (!membersOf(request).some((member) => refused.has(member))) return null;
      world.target.group('g').version += 1;
      return answer(412);
    };
    world.produce({ add_members: names(300) });
    await world.start();
    await world.clock.advance(ALL_TRIES_MS);
    const landed = world.target.group('g').members;
    expect(names(300).filter((member) => !landed.has(member))).toEqual(names(50));
  });
});

test('isolation: conflicts between which something lands are none in a row', async () => {
  const world = new QuickWorld();
  let count = 0;
  world.target.onPatch = ({ group }) => {
    count += 1;
    if (count % 4 === 0) return null;
    world.target.group(group).version += 1;
    return answer(412);
  };
  world.produce({ add_members: names(1_000) });
  await world.start();
  await world.clock.advance(ALL_TRIES_MS);
  expect(world.target.group('g').members.size).toBe(1_000);
  expect(new Set(world.reports().map(({ outcome }) => outcome))).toEqual(new Set(['applied']));
});

describe('an answer that cannot be about a member', () => {
  const aboutRequest: readonly (readonly [name: string, refusal: HttpAnswer])[] = [
    ...[301, 302, 304, 401, 405, 408, 415, 429, 502, 503, 504].map((status) => [`${status}`, answer(status)] as const),
    ...[400, 403, 404, 422, 500].map((status) => [`a page with status ${status}`, page(status)] as const),
    ['no answer', noAnswer],
  ];

  test.each(aboutRequest)('%s: nothing is halved', async (_, refusal) => {
    const picky = new Picky(['u6'], refusal);
    await picky.run({ add_members: names(10) }, ALL_TRIES_MS);
    expect(picky.sent.length).toBeGreaterThan(0);
    expect(new Set(picky.sent.map(({ members }) => members.length))).toEqual(new Set([10]));
  });

  test.each([400, 422])('a page with status %i comes from the way there: it is tried again', async (status) => {
    const picky = new Picky(['u6'], page(status));
    await picky.run({ add_members: ['u6'] }, 1_000);
    expect(picky.kept().get('u6')).toMatchObject({ outcome: 'retry_scheduled', reason: { code: `http_${status}` } });
  });
});

test.each([400, 403, 404, 500])('%i: two bad members of fifty, wherever they are', async (status) => {
  for (const bad of [
    ['u0', 'u1'],
    ['u3', 'u47'],
    ['u48', 'u49'],
  ]) {
    const picky = new Picky(bad, answer(status));
    await picky.run({ add_members: names(50) }, ALL_TRIES_MS);
    expect(picky.members.size).toBe(48);
    expect([...picky.refusedAlone].toSorted()).toEqual(bad);
    expect(picky.outcomes(bad)).toEqual(new Set([status === 400 ? 'failed' : 'permanent_failure']));
  }
});

test('isolation: the budget of a run leaves room for every search', async () => {
  // given a target that refuses every second member of many, each with a read of the group after it
  const bad = names(120).filter((_, i) => i % 2 === 0);
  const retry = { baseMs: 1_000, capMs: 30_000, attemptsMax: 5, slowScheduleMs: [3_000_000] };
  const picky = new Picky(bad, answer(404), { pipeline: { retry } });
  await picky.run({ add_members: names(120) }, ALL_TRIES_MS);
  expect(picky.members.size).toBe(60);
  expect(picky.outcomes(bad)).toEqual(new Set(['retry_scheduled']));
  expect([...picky.refusedAlone].toSorted()).toEqual(bad.toSorted());
  const messages = picky.world.logger.lines.map(({ message }) => message);
  expect(messages).not.toContain('the target answers without any progress');
});

describe('a group that is refused as a whole', () => {
  const bound = { 10: 12, 50: 16, 120: 16 } as const;

  test.each([400, 403, 404, 409, 413, 422, 500])(
    '%i: few requests a round, and what is given up was refused alone',
    async (status) => {
      for (const count of [10, 50, 120] as const) {
        const refusal = status === 409 ? scim(409, 'uniqueness') : answer(status);
        const retry = { baseMs: 1_000, capMs: 30_000, attemptsMax: status === 500 ? 2 : 5, slowScheduleMs: [10_000] };
        const picky = new Picky(names(count), refusal, { pipeline: { retry } });
        await picky.run({ add_members: names(count) }, 5_000);
        // A 5xx has the fast schedule: by now some rounds are over.
        if (status !== 500) {
          expect(picky.sent.length).toBeLessThanOrEqual(bound[count]);
          const parked = names(count).filter((member) => !picky.refusedAlone.has(member));
          expect(picky.outcomes(parked)).toEqual(new Set(['retry_scheduled']));
          expect(picky.kept().get(parked[0] ?? '')).toMatchObject({ attempt: 1 });
        }
        // Round after round some are isolated, until all are.
        await picky.world.clock.advance(ALL_TRIES_MS);
        expect(picky.givenUp()).toHaveLength(count);
        expect(picky.refusedAlone.size).toBe(count);
        expect(picky.sent.length).toBeLessThanOrEqual(count * bound[count]);
      }
    },
    30_000,
  );

  test('what is not separated waits the last entry of its schedule again and again, and is not given up', async () => {
    const bad = names(120);
    const picky = new Picky(bad, platform(400), {
      pipeline: { retry: { baseMs: 1_000, capMs: 30_000, attemptsMax: 5, slowScheduleMs: [60_000, 300_000] } },
    });
    await picky.run({ add_members: bad }, 10_000);
    const counts = [picky.sent.length];
    for (const forMs of [60_000, 300_000, 300_000]) {
      await picky.world.clock.advance(forMs);
      counts.push(picky.sent.length);
    }
    expect(counts).toEqual([16, 32, 48, 64]);
    const waiting = [...picky.kept().values()].filter(({ outcome }) => outcome === 'retry_scheduled');
    expect(waiting.length).toBeGreaterThan(50);
    expect(new Set(waiting.map(({ attempt }) => attempt))).toEqual(new Set([2]));
    expect(picky.givenUp().every((member) => picky.refusedAlone.has(member))).toBe(true);
  });

  test('where the slow schedule is empty it waits RETRY_CAP_MS', async () => {
    const retry = { baseMs: 1_000, capMs: 30_000, attemptsMax: 5, slowScheduleMs: [] };
    const picky = new Picky(names(10), platform(400), { pipeline: { retry } });
    await picky.run({ add_members: names(10) }, 10_000);
    expect(picky.sent).toHaveLength(12);
    await picky.world.clock.advance(15_000);
    expect(picky.sent).toHaveLength(12);
    await picky.world.clock.advance(10_000);
    expect(picky.sent.length).toBeGreaterThan(12);
    await picky.world.clock.advance(600_000);
    expect(picky.outcomes(names(10))).toEqual(new Set(['failed']));
  });

  test('the next round begins with half of those that were not separated', async () => {
    const picky = new Picky(names(50), platform(400));
    await picky.run({ add_members: names(50) }, 10_000);
    const known = picky.refusedAlone;
    expect(known.size).toBeGreaterThan(1);
    await picky.world.clock.advance(60_000);
    expect(picky.sent[16]?.members.length).toBe(Math.ceil((50 - known.size) / 2));
  });

  test.each(['first', 'last'])(
    'thirty bad members of fifty, the %s: the good ones land in the first round',
    async (which) => {
      const bad = which === 'first' ? names(50).slice(0, 30) : names(50).slice(20);
      const picky = new Picky(bad, answer(422));
      await picky.run({ add_members: names(50) }, 50_000);
      expect(picky.members.size).toBe(20);
    },
  );

  test('a landing starts the count again, so that a good member lands however many are bad', async () => {
    const bad = names(50).filter((_, i) => i % 2 === 0);
    const picky = new Picky(bad, platform(400));
    await picky.run({ add_members: names(50) }, 20_000);
    expect(picky.members.size).toBe(25);
    expect(picky.outcomes(bad)).toEqual(new Set(['failed']));
  });
});

test('isolation: a conflict in between forgets no suspect', async () => {
  const picky = new Picky(['u0'], scim(400, 'invalidValue'));
  const { target } = picky.world;
  const refuse = target.onPatch;
  target.onPatch = (request) => {
    const answered = refuse(request);
    if (picky.sent.length !== 2) return answered;
    // Another writer was quicker with the first half.
    target.group('g').version += 1;
    return answer(412);
  };
  await picky.run({ add_members: names(8) }, 1_000);
  expect(picky.sent.map(({ members }) => members.length)).toEqual([8, 4, 4, 2, 1, 1, 6]);
});

test('isolation: what a PATCH without a sure answer has done is not called the work of others', async () => {
  const retry = { baseMs: 1_000, capMs: 30_000, attemptsMax: 1, slowScheduleMs: [] };
  const picky = new Picky([], noAnswer, { pipeline: { retry } });
  const { target } = picky.world;
  // A last try of several goes on with halves.
  target.onPatch = (request) => {
    const group = target.group('g');
    for (const member of membersOf(request)) group.members.add(member);
    group.version += 1;
    return answer(500);
  };
  await picky.run({ add_members: names(4) }, ALL_TRIES_MS);
  const kept = [...picky.kept().values()].map(({ outcome, attempt }) => ({ outcome, attempt }));
  expect(kept).toEqual(names(4).map(() => ({ outcome: 'recovered', attempt: 0 })));
});

test('isolation: a bad member lands once the target knows it, at its own time', async () => {
  const picky = new Picky(['u6'], answer(422));
  await picky.run({ add_members: names(10) }, 10_000);
  picky.world.target.onPatch = () => null;
  await picky.world.clock.advance(70_000);
  expect(picky.kept().get('u6')).toMatchObject({ outcome: 'recovered' });
});

/** Requests, reads included, until the good members have landed; the most of all places where the bad one may be. */
test.each([
  ['400 in generic words', platform(400), [8, 10, 12]],
  ['409 uniqueness', scim(409, 'uniqueness'), [8, 10, 12]],
  ['422', answer(422), [8, 10, 12]],
  ['404', answer(404), [13, 17, 19]],
  ['403', answer(403), [8, 10, 12]],
  ['500', answer(500), [14, 17, 36]],
] as const)('%s: what one bad member of 10, 50 and 120 costs', async (_, refusal, requestsMax) => {
  const most: number[] = [];
  for (const [i, count] of [10, 50, 120].entries()) {
    for (const place of [0, 1, 2, count >> 1, count - 2, count - 1]) {
      const retry = { baseMs: 1_000, capMs: 30_000, attemptsMax: 2, slowScheduleMs: [3_000_000] };
      const picky = new Picky([`u${place}`], refusal, { pipeline: { retry } });
      const { target, clock } = picky.world;
      target.group('g').members.add('there');
      await picky.run({ add_members: names(count) }, 0);
      // In doubt a read of exactly 100 members does not tell enough to go on.
      for (let tries = 0; target.group('g').members.size < count && tries < 50; tries += 1)
        await clock.advance(tries < 10 ? 1 : 5_000);
      expect(target.group('g').members.size).toBe(count);
      most[i] = Math.max(most[i] ?? 0, target.requestCount);
    }
  }
  for (const [i, max] of requestsMax.entries()) expect(most[i]).toBeLessThanOrEqual(max);
});

test.each([500, 400])(
  'isolation: %i without a sure answer, and reads that may be cut: the search goes on in the next run',
  async (status) => {
    // given a group that reads may not show in full, so that in doubt nothing more of it is sent
    const retry = { baseMs: 1_000, capMs: 30_000, attemptsMax: 2, slowScheduleMs: [] };
    const picky = new Picky(['u6'], answer(status, { empty: false, isText: true }), { pipeline: { retry } });
    for (const member of names(100, 'old')) picky.world.target.group('g').members.add(member);
    await picky.run({ add_members: names(10) }, ALL_TRIES_MS);
    // then it ends
    expect(picky.members.size).toBe(109);
    expect(picky.givenUp()).toEqual(['u6']);
    expect(picky.sent.length).toBeLessThanOrEqual(9);
  },
);

test('isolation: a page of a proxy that finds a request too large: halved, run by run', async () => {
  const world = new QuickWorld();
  for (const member of names(100, 'old')) world.target.group('g').members.add(member);
  world.target.onPatch = (request) => (membersOf(request).length > 3 ? page(413) : null);
  world.produce({ add_members: names(20) });
  await world.start();
  await world.clock.advance(ALL_TRIES_MS);
  expect(world.target.group('g').members.size).toBe(120);
  expect(world.target.requestCount).toBeLessThanOrEqual(30);
});
