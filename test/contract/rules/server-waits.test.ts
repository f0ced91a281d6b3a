/** Storms: however short a wait the target names, and however often, few requests reach it. In virtual time. */
import { describe, expect, test } from 'vitest';
import { getGroupWithRetries } from '../../../src/console/target.ts';
import type { RawAnswer } from '../../fuzz/answers.ts';
import type { Asked } from '../../fuzz/connections.ts';
import { ScimTarget } from '../../fuzz/scim-target.ts';
import { aService, aToken, isLogin, type Respond, type ServiceOptions } from '../../support/virtual-service.ts';
import { quickOptions } from '../../support/world.ts';

type Headers = Readonly<Record<string, string>>;

const throttled = (headers: Headers): RawAnswer => ({ status: 429, headers, body: Buffer.alloc(0) });
const isSearch = ({ path }: Asked): boolean => path.includes('filter=');

/** A service with changes of many groups before it. */
async function aBusyService(respond: Respond, options: ServiceOptions = {}, groups = 30) {
  const service = await aService(respond, options);
  for (let i = 0; i < groups; i++) service.produce(`good-${i}`, { add_members: [`user-${i}`] });
  return service;
}

const ODD_WAITS: readonly Headers[] = [
  { 'retry-after': '0' },
  { 'retry-after': '-7' },
  { 'retry-after': '0.01' },
  { 'retry-after': 'Thu, 01 Jan 2026 00:00:00 GMT' },
  { 'retry-after': 'at your leisure' },
  { 'retry-after': '86400000' },
  { 'inin-ratelimit-allowed': '300', 'inin-ratelimit-count': '1', 'inin-ratelimit-reset': '0' },
  { 'retry-after': '1' },
  {},
];
const HALF_A_MINUTE = 30_000;
/** 1 s, 2 s, 4 s, 8 s, 16 s; what was on its way beside the first of them; and one look-up in its turn. */
const REQUESTS_MAX = 9;

describe.each(ODD_WAITS)('a 429 with %j', (headers) => {
  test('of the groups: few requests in 30 s', async () => {
    const { clock, asked } = await aBusyService((one) => (isLogin(one) ? aToken({}) : throttled(headers)));
    await clock.advance(HALF_A_MINUTE);
    expect(asked.filter((one) => !isLogin(one)).length).toBeLessThanOrEqual(REQUESTS_MAX);
    expect(asked.filter(isLogin)).toHaveLength(1);
  });

  test('of the look-ups: few requests in 30 s', async () => {
    const { clock, asked } = await aBusyService((one) => (isLogin(one) ? aToken({}) : throttled(headers)), {
      isMapped: true,
    });
    await clock.advance(HALF_A_MINUTE);
    expect(asked.some(isSearch)).toBe(true);
    expect(asked.filter((one) => !isLogin(one)).length).toBeLessThanOrEqual(REQUESTS_MAX);
  });

  test('of the login host: few requests in 30 s', async () => {
    const { clock, asked } = await aBusyService(() => throttled(headers));
    await clock.advance(HALF_A_MINUTE);
    expect(asked.length).toBeLessThanOrEqual(6);
    expect(asked.every(isLogin)).toBe(true);
  });

  test('of the login host, met by a command: few requests in 30 s', async () => {
    const { clock, asked, api, pipeline } = await aBusyService(() => throttled(headers));
    const drained = pipeline.drain();
    const stop = new AbortController();
    const reading = getGroupWithRetries(api, 'g', { clock, stop: stop.signal });
    await clock.advance(HALF_A_MINUTE);
    expect(asked.length).toBeLessThanOrEqual(6);
    stop.abort();
    expect((await reading).outcome.kind).toBe('not_started');
    await clock.advance(HALF_A_MINUTE);
    await drained;
  });
});

test('server wait: after a storm all changes land', async () => {
  const target = new ScimTarget();
  let isCalm = false;
  const respond: Respond = (one) => (isCalm || isLogin(one) ? target.respond(one) : throttled({ 'retry-after': '0' }));
  const { clock, pipeline } = await aBusyService(respond);
  await clock.advance(HALF_A_MINUTE);
  isCalm = true;
  await clock.advance(120_000);
  expect(pipeline.stats()).toMatchObject({ pending: 0, reports: { applied: 30 } });
});

test.each([500, 503, 400, 401])('server wait: a login host that answers %i is asked seldom', async (status) => {
  const { clock, asked } = await aBusyService(() => ({
    status,
    headers: { 'retry-after': '0' },
    body: Buffer.alloc(0),
  }));
  await clock.advance(HALF_A_MINUTE);
  expect(asked.filter(isLogin).length).toBeLessThanOrEqual(20);
});

test.each([0, -1, 0.001, 1, 1e15, '0', 'soon', null])(
  'server wait: a token that is said to live for %j s is not asked for again with every request',
  async (lifetime) => {
    const target = new ScimTarget();
    const respond: Respond = (one) => (isLogin(one) ? aToken({ expires_in: lifetime }) : target.respond(one));
    const { clock, asked, pipeline } = await aBusyService(respond);
    await clock.advance(HALF_A_MINUTE);
    expect(asked.filter(isLogin)).toHaveLength(1);
    expect(pipeline.stats()).toMatchObject({ pending: 0, reports: { applied: 30 } });
  },
);

test.each([
  ['7', 7_000],
  ['Wed, 23 Sep 2026 12:00:00 GMT', 0],
  ['0', 0],
  ['86400', 0],
])('a 503 with Retry-After: %s parks for %i ms at least, and for as long as a failure does', async (text, leastMs) => {
  const refusal: RawAnswer = { status: 503, headers: { 'retry-after': text }, body: Buffer.alloc(0) };
  const { clock, asked } = await aBusyService(
    (one) => (isLogin(one) ? aToken({}) : refusal),
    { pipeline: { breakerFailures: 1_000 } },
    1,
  );
  await clock.advance(Math.max(0, leastMs - 1));
  // The login host's, and the first try.
  if (leastMs > 0) expect(asked).toHaveLength(2);
  await clock.advance(quickOptions.retry.capMs);
  expect(asked.length).toBeGreaterThan(2);
});

/** The user that is looked for has the same id. */
function found({ path }: Asked): RawAnswer {
  const id = /"([^"]+)"/.exec(decodeURIComponent(path))?.[1] ?? '';
  const body = JSON.stringify({ totalResults: 1, Resources: [{ id, userName: id, displayName: id, active: true }] });
  return { status: 200, headers: {}, body: Buffer.from(body) };
}

describe('a 429 to one group alone', () => {
  const healthy = ['g0', 'g1', 'g2', 'g3'];
  const isOf = (group: string, { path }: Asked): boolean => path.endsWith(`/${group}`);

  async function aSickGroup(isSick: (one: Asked) => boolean, options: ServiceOptions = {}) {
    const target = new ScimTarget();
    const respond: Respond = (one) => {
      if (isLogin(one)) return aToken({});
      if (isSick(one)) return throttled({ 'retry-after': '1' });
      return isSearch(one) ? found(one) : target.respond(one);
    };
    return aService(respond, options);
  }

  test.each<[string, (one: Asked) => boolean]>([
    ['each request', (one) => isOf('sick', one)],
    ['each PATCH', (one) => isOf('sick', one) && one.method === 'PATCH'],
  ])('to %s: removals of others land, and the group is asked more and more seldom', async (_, isSick) => {
    // given a group whose change is older
    const { clock, asked, produce, reports } = await aSickGroup(isSick);
    produce('sick', { remove_members: ['nobody'], add_members: ['user'] });
    await clock.advance(1_000);
    // when others change, one each second, for two minutes
    const landed = (): number =>
      reports().filter(({ group, op, outcome }) => group !== 'sick' && op === 'add' && outcome === 'applied').length;
    for (let second = 0; second < 120; second++) {
      const group = healthy[second % healthy.length] ?? '';
      produce(group, { add_members: [`user-${second}`], remove_members: [`user-${second - 4}`] });
      await clock.advance(1_000);
      // then each of them lands soon
      expect(landed()).toBeGreaterThanOrEqual(second - 5);
    }
    await clock.advance(10_000);
    expect(landed()).toBe(120);
    expect(asked.filter((one) => isOf('sick', one)).length).toBeLessThanOrEqual(20);
    expect(
      reports()
        .filter(({ group }) => group === 'sick')
        .every(({ attempt }) => attempt === 0),
    ).toBe(true);
  });

  test('to two groups with removals: additions of others are not starved', async () => {
    const sick = ['sick-0', 'sick-1'];
    const { clock, produce, reports } = await aSickGroup((one) => sick.some((group) => isOf(group, one)));
    for (const group of sick) produce(group, { remove_members: ['nobody'] });
    await clock.advance(1_000);
    const landed = (): number => reports().filter(({ outcome }) => outcome === 'applied').length;
    for (let second = 0; second < 120; second++) {
      produce(healthy[second % healthy.length] ?? '', { add_members: [`user-${second}`] });
      await clock.advance(1_000);
      expect(landed()).toBeGreaterThanOrEqual(second - 9);
    }
    await clock.advance(10_000);
    expect(landed()).toBe(120);
  });

  test('to five groups with removals: a removal of another waits for one opening of the gate, as additions do', async () => {
    const target = new ScimTarget();
    const { clock, produce, reports } = await aService((one) => {
      if (isLogin(one)) return aToken({});
      return one.path.includes('sick') ? throttled({ 'retry-after': '60' }) : target.respond(one);
    });
    produce('g', { add_members: ['user'] });
    await clock.advance(1_000);
    for (let i = 0; i < 5; i++) produce(`sick-${i}`, { remove_members: ['user'] });
    await clock.advance(300_000);
    for (let i = 0; i < 5; i++) {
      produce(`h${i}`, { remove_members: ['user'] });
      await clock.advance(70_000);
      expect(reports().filter(({ group, final }) => group === `h${i}` && final)).toHaveLength(1);
    }
  });

  test('whose changes go on: they wait with the rest of the group, and others land', async () => {
    const { clock, asked, produce, reports } = await aSickGroup((one) => isOf('sick', one));
    for (let second = 0; second < 120; second++) {
      produce('sick', { add_members: [`user-${second}`] });
      produce(healthy[second % healthy.length] ?? '', { add_members: [`user-${second}`] });
      await clock.advance(1_000);
    }
    await clock.advance(10_000);
    expect(reports().filter(({ outcome }) => outcome === 'applied')).toHaveLength(120);
    expect(asked.filter((one) => isOf('sick', one)).length).toBeLessThanOrEqual(20);
  });

  test('to the look-up of one user: others land', async () => {
    const isSick = ({ path }: Asked): boolean => decodeURIComponent(path).includes('sick');
    const { clock, produce, reports } = await aSickGroup(isSick, { isMapped: true });
    produce('g', { add_members: ['sick'] });
    await clock.advance(10_000);
    for (let second = 0; second < 60; second++) {
      produce(healthy[second % healthy.length] ?? '', { add_members: [`user-${second}`] });
      await clock.advance(1_000);
    }
    await clock.advance(10_000);
    const finals = reports().filter(({ final }) => final);
    expect(finals).toHaveLength(60);
  });

  test.each([
    ['whose group is busy', ['g0']],
    ['while others of its group are found', ['g0', 'g1']],
  ])('to the look-up of one user %s: it is asked for more and more seldom', async (_, groups) => {
    const isSick = ({ path }: Asked): boolean => decodeURIComponent(path).includes('sick');
    const { clock, asked, produce, reports } = await aSickGroup(isSick, { isMapped: true });
    produce('g0', { add_members: ['sick'] });
    for (let second = 0; second < 120; second++) {
      for (const group of groups) produce(group, { add_members: [`user-${group}-${second}`] });
      await clock.advance(2_000);
    }
    await clock.advance(130_000);
    expect(reports().filter(({ final }) => final)).toHaveLength(120 * groups.length);
    expect(asked.filter(isSick).length).toBeLessThanOrEqual(14);
  });

  test.each<[string, (second: number) => readonly [group: string, member: string]]>([
    ['one user whom other groups name, too', (second) => [`h${second % 40}`, 'sick']],
    ['one user whom newer changes of the group name', () => ['h0', 'sick']],
    ['one group that other changes name', (second) => ['sick', `user-${second}`]],
  ])('to the look-up of %s: it is asked for more and more seldom', async (_, named) => {
    const isSick = ({ path }: Asked): boolean => decodeURIComponent(path).includes('sick');
    const { clock, asked, produce, reports } = await aSickGroup(isSick, {
      isMapped: true,
      groupAttribute: 'displayName',
    });
    for (let second = 0; second < 120; second++) {
      const [group, member] = named(second);
      produce(group, { add_members: [member] });
      produce(healthy[second % healthy.length] ?? '', { add_members: [`user-${second}`] });
      await clock.advance(2_000);
    }
    await clock.advance(60_000);
    expect(reports().filter(({ outcome }) => outcome === 'applied')).toHaveLength(120);
    expect(asked.filter(isSick).length).toBeLessThanOrEqual(14);
  });

  test('ends with it: the change lands, no attempt used up, and the log has said why it waited', async () => {
    let isSick = true;
    const { clock, produce, reports, lines } = await aSickGroup(() => isSick);
    produce('sick', { add_members: ['user'] });
    await clock.advance(120_000);
    expect(lines('the target answers 429 to this group again')).toMatchObject([{ group: 'sick' }, {}]);
    isSick = false;
    await clock.advance(130_000);
    expect(reports().at(-1)).toMatchObject({ group: 'sick', outcome: 'applied', attempt: 0 });
  });
});
