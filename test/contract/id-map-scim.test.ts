/** Look-ups at the target, against the sandbox: what is asked, what is remembered, and what is no answer. */
import type { IdMapOptions } from '../../src/adapters/ids/create.ts';
import { describe, expect, test, vi } from 'vitest';
import { Asking, InactiveUsers } from '../../src/adapters/ids/inactive-users.ts';
import { ScimIdMap } from '../../src/adapters/ids/scim.ts';
import { RequestGate } from '../../src/adapters/genesys/gate.ts';
import type { Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import type { SandboxOptions } from '../../src/lab/sandbox/state.ts';
import { CountingGate } from '../support/counting-gate.ts';
import { aLog, aSandbox, anApi } from '../support/genesys.ts';
import { found } from '../support/id-map-suite.ts';
import { ManualClock } from '../support/manual-clock.ts';

const always = (): boolean => true;
const never = (): boolean => false;
const missing = { kind: 'missing' };
const MINUTES = 60_000;

type Attributes = Partial<Omit<IdMapOptions, 'source'>>;

async function given(sandboxOptions: SandboxOptions = {}, attributes: Attributes = {}) {
  const sandbox = await aSandbox(sandboxOptions);
  const api = anApi(sandbox);
  const clock = new ManualClock();
  const logger = aLog();
  const options = { userAttribute: 'externalId', groupAttribute: 'displayName', ...attributes } as const;
  const map = new ScimIdMap(options, { api, clock, logger });
  const user = (id: string) => map.lookUp('user', id, always);
  return { sandbox, api, clock, logger, map, user };
}

const filters = (sandbox: Sandbox): readonly (string | null)[] =>
  sandbox.stats.journal.filter(({ endpoint }) => endpoint === 'users').map(({ filter }) => filter);

function putInactive(sandbox: Sandbox, count: number): void {
  for (let index = 0; index < count; index += 1) {
    sandbox.putUser({ id: `gone-${index}`, externalId: `x-${index}`, active: false });
  }
}

describe('the request', () => {
  test.each(['say "hi"', 'back\\slash\\', 'Zoë-日本-🎉', '" or active eq true', '100% &count=0#', 'a+b c'])(
    'asks for %j, escaped as JSON',
    async (id) => {
      const { sandbox, user } = await given();
      sandbox.putUser({ id: 'user-1', externalId: id });
      expect(await user(id)).toEqual(found('user-1'));
      expect(filters(sandbox)).toEqual([`externalId eq ${JSON.stringify(id)}`]);
    },
  );

  test('is one for all who ask for the id meanwhile', async () => {
    const { sandbox, user } = await given();
    sandbox.putUser({ id: 'user-1', externalId: 'x' });
    const answers = await Promise.all(Array.from({ length: 50 }, () => user('x')));
    expect([new Set(answers.map((one) => JSON.stringify(one))).size, sandbox.stats.lists.users]).toEqual([1, 1]);
  });

  test('is none for groups that the source names by their id', async () => {
    const { sandbox, map } = await given({}, { groupAttribute: 'id' });
    expect([map.known('group', 'g'), await map.lookUp('group', 'g', never)]).toEqual([found('g'), found('g')]);
    expect(sandbox.stats.lists).toEqual({ users: 0, groups: 0 });
  });

  test('is sent again with a new token where the old one is refused', async () => {
    const { sandbox, user } = await given();
    sandbox.putUser({ id: 'user-1', externalId: 'x' });
    await user('y');
    sandbox.revokeTokens();
    expect(await user('x')).toEqual(found('user-1'));
  });
});

describe('each request', () => {
  test.each([1, 60])('has a permit of its own, also those about %i inactive users', async (count) => {
    const sandbox = await aSandbox({ behaviour: { inactiveUsers: 'hidden' } });
    putInactive(sandbox, count);
    const api = anApi(sandbox);
    const gate = new CountingGate();
    const counted = {
      gate,
      search: (request: Parameters<typeof api.search>[0]) => {
        gate.used();
        return api.search(request);
      },
    };
    const inactive = new InactiveUsers('externalId', {
      asking: new Asking(counted),
      clock: new ManualClock(),
      logger: aLog(),
    });
    const ids = ['x-0', 'nobody', 'x-0'];
    for (const id of ids) await inactive.find(id, always);
    expect([gate.held, sandbox.stats.lists.users >= ids.length]).toEqual([0, true]);
  });
});

describe('a look-up that fails', () => {
  test.each(['search', 'take'] as const)('at `%s` keeps no later one from being asked', async (place) => {
    const sandbox = await aSandbox();
    sandbox.putUser({ id: 'user-1', externalId: 'x' });
    const api = anApi(sandbox);
    const gate = new CountingGate();
    const failing = { gate, search: (request: Parameters<typeof api.search>[0]) => api.search(request) };
    const fail = vi.fn(() => Promise.reject(new Error('a fault of its own')));
    if (place === 'search') failing.search = fail;
    else gate.beforeTake = fail;
    const attributes = { userAttribute: 'externalId', groupAttribute: 'displayName' } as const;
    const map = new ScimIdMap(attributes, { api: failing, clock: new ManualClock(), logger: aLog() });
    await expect(map.lookUp('user', 'x', always)).rejects.toThrow('a fault of its own');
    failing.search = (request) => api.search(request);
    gate.beforeTake = async () => undefined;
    expect(await map.lookUp('user', 'x', always)).toEqual(found('user-1'));
    expect(fail).toHaveBeenCalledTimes(1);
  });
});

describe('a server that ignores the filter', () => {
  test('maps no user to another one', async () => {
    const { sandbox, map, user } = await given({ behaviour: { filters: 'ignored' } });
    for (let index = 0; index < 40; index += 1) sandbox.putUser({ id: `user-${index}`, externalId: `x-${index}` });
    expect(await user('nobody')).toEqual(missing);
    expect(await user('x-3')).toEqual(found('user-3'));
    expect(await map.lookUp('group', 'nothing', always)).toEqual(missing);
  });

  test('is warned of where it does not even show what was asked for', async () => {
    const { sandbox, user, logger } = await given({ behaviour: { filters: 'ignored' } });
    sandbox.putUser({ id: 'user-1' });
    expect(await user('user-1')).toEqual(missing);
    expect(logger.lines).toContainEqual({
      message: 'the target lists no user with the attribute that was asked for',
      fields: { attribute: 'externalId' },
    });
  });
});

describe('what is no answer', () => {
  test.each([
    ['429', { kind: 'status', status: 429, retryAfterSeconds: 1 } as const],
    ['503', { kind: 'status', status: 503, body: 'html' } as const],
    ['a body that cannot be read', { kind: 'garbage' } as const],
    ['a lost connection', { kind: 'resetBeforeApply' } as const],
  ])('%s is said so, and nothing of it is remembered', async (_name, fault) => {
    const { sandbox, map, user } = await given();
    sandbox.putUser({ id: 'user-1', externalId: 'x' });
    sandbox.addRule({ match: { endpoint: 'users', times: 1 }, fault });
    expect((await user('x')).kind).toBe('unanswered');
    expect(map.known('user', 'x')).toBeNull();
    expect(await user('x')).toEqual(found('user-1'));
  });

  test('429 closes the gate for everybody', async () => {
    const { sandbox, user, api } = await given();
    sandbox.addRule({
      match: { endpoint: 'users', times: 1 },
      fault: { kind: 'status', status: 429, retryAfterSeconds: 30 },
    });
    expect(await user('x')).toMatchObject({ kind: 'unanswered', answer: { status: 429, retryAfterMs: 30_000 } });
    expect(api.gate.tryTake()).toBe(false);
  });

  test('a failure while inactive users are looked for is no "missing"', async () => {
    const { sandbox, user } = await given();
    sandbox.addRule({ match: { endpoint: 'users', nth: 2 }, fault: { kind: 'status', status: 500 } });
    expect(await user('x')).toMatchObject({ kind: 'unanswered', answer: { status: 500 } });
    expect(await user('x')).toEqual(missing);
  });
});

test('id map scim: a list that withholds what it counts is no answer', async () => {
  const facts = { status: 200, etag: null, retryAfterMs: null, empty: false, correlationId: null };
  const answer = {
    kind: 'response',
    ...facts,
    body: { totalResults: 1, Resources: [] },
    sentAt: 0,
    durationMs: 1,
  } as const;
  const asking = new Asking({ gate: new RequestGate(null, new ManualClock()), search: async () => answer });
  const search = { resource: 'users', filter: 'externalId eq "x"', attributes: ['id'] } as const;
  expect(await asking.ask({ ...search, startIndex: 1 }, always)).toEqual({ kind: 'unanswered', answer });
  expect((await asking.ask({ ...search, startIndex: 26 }, always)).kind).toBe('list');
});

describe('who may not start', () => {
  test('sends nothing, and gives the permit back', async () => {
    const sandbox = await aSandbox();
    const api = anApi(sandbox, { rateLimitPerMinute: 1 });
    const options = { userAttribute: 'externalId', groupAttribute: 'displayName' } as const;
    const map = new ScimIdMap(options, { api, clock: new ManualClock(), logger: aLog() });
    expect(await map.lookUp('user', 'x', never)).toEqual({ kind: 'unanswered', answer: { kind: 'not_started' } });
    expect([sandbox.stats.lists.users, api.gate.tryTake()]).toEqual([0, true]);
  });

  test('does not keep others from it who ask for the same id', async () => {
    const { sandbox, map, user } = await given();
    sandbox.putUser({ id: 'user-1', externalId: 'x' });
    const [one, other] = await Promise.all([map.lookUp('user', 'x', never), user('x')]);
    expect([one, other, sandbox.stats.lists.users]).toEqual([found('user-1'), found('user-1'), 1]);
  });
});

describe('inactive users', () => {
  const everywhere = [
    ['shown by any filter', { inactiveUsers: 'shown' }],
    ['hidden, two conditions understood', { inactiveUsers: 'hidden', twoConditions: 'applied' }],
    ['hidden, two conditions refused', { inactiveUsers: 'hidden', twoConditions: 'refused' }],
  ] as const;

  for (const [name, behaviour] of everywhere) {
    test.each([1, 25, 26, 80])(`${name}: distinguished from missing ones among %i`, async (count) => {
      const { sandbox, user } = await given({ behaviour });
      putInactive(sandbox, count);
      expect(await user('nobody')).toEqual(missing);
      expect(await user(`x-${count - 1}`)).toEqual(found(`gone-${count - 1}`, false));
      expect(await user('nobody else')).toEqual(missing);
    });
  }

  test('who was deactivated a moment ago is not missing', async () => {
    const { sandbox, user } = await given();
    sandbox.putUser({ id: 'user-1', externalId: 'x' });
    putInactive(sandbox, 3);
    expect(await user('nobody')).toEqual(missing);
    sandbox.putUser({ id: 'user-1', active: false });
    expect(await user('x')).toEqual(found('user-1', false));
  });

  test('a page that was requested before does not count for later look-ups', async () => {
    const { sandbox, user } = await given();
    sandbox.putUser({ id: 'user-1', externalId: 'x' });
    sandbox.putUser({ id: 'user-2', externalId: 'y' });
    const hold = sandbox.pauseAt(({ filter }) => filter === 'active eq false', 'after');
    const first = user('nobody');
    await hold.arrived;
    sandbox.putUser({ id: 'user-1', active: false });
    const later = user('x');
    await sandbox.nextRequest(({ filter }) => filter === 'externalId eq "x"');
    // Its answer was sent before; so that of `x` has been read by now.
    await user('y');
    hold.release();
    expect([await first, await later]).toEqual([missing, found('user-1', false)]);
  });

  test('a page that fails among many makes no user missing', async () => {
    const { sandbox, user } = await given();
    putInactive(sandbox, 80);
    await user('nobody');
    sandbox.addRule({ match: { endpoint: 'users', nth: 4 }, fault: { kind: 'status', status: 500 } });
    expect(await user('x-79')).toMatchObject({ kind: 'unanswered', answer: { status: 500 } });
    expect(await user('x-79')).toEqual(found('gone-79', false));
  });

  test('how the target takes filters is found out again after an hour', async () => {
    const { sandbox, clock, user } = await given({ behaviour: { inactiveUsers: 'shown' } });
    putInactive(sandbox, 1);
    await user('nobody');
    sandbox.behave({ inactiveUsers: 'hidden' });
    await clock.advance(3_600_000);
    expect(await user('x-0')).toEqual(found('gone-0', false));
  });

  test('who stands behind the first page is found although all stood on it before', async () => {
    const { sandbox, user } = await given({ behaviour: { inactiveUsers: 'hidden', twoConditions: 'refused' } });
    putInactive(sandbox, 1);
    await user('unknown');
    putInactive(sandbox, 80);
    expect(await user('x-79')).toEqual(found('gone-79', false));
  });

  test.each([
    ['shown', 'refused', 1],
    ['hidden', 'applied', 2],
    ['hidden', 'refused', 5],
  ] as const)(
    '%s, two conditions %s: %i requests for each unknown user',
    async (inactiveUsers, twoConditions, each) => {
      const { sandbox, user } = await given({ behaviour: { inactiveUsers, twoConditions } });
      putInactive(sandbox, 80);
      await user('first');
      const before = sandbox.stats.lists.users;
      await user('second');
      await user('third');
      expect(sandbox.stats.lists.users - before).toBe(2 * each);
    },
  );
});

describe('what is remembered', () => {
  test('who was found, for an hour', async () => {
    const { sandbox, clock, map, user } = await given();
    sandbox.putUser({ id: 'user-1', externalId: 'x' });
    await user('x');
    await clock.advance(3_599_999);
    expect(map.known('user', 'x')).toEqual(found('user-1'));
    await clock.advance(1);
    expect(map.known('user', 'x')).toBeNull();
  });

  test.each([
    ['who is missing', 'nobody', missing],
    ['who is inactive', 'x-0', found('gone-0', false)],
  ])('%s, for half a minute', async (_name, id, resolution) => {
    const { sandbox, clock, map, user } = await given();
    putInactive(sandbox, 1);
    await user(id);
    await clock.advance(29_999);
    expect(map.known('user', id)).toEqual(resolution);
    await clock.advance(1);
    expect(map.known('user', id)).toBeNull();
  });

  test('so a user who is provisioned later is found by itself', async () => {
    const { sandbox, clock, user } = await given();
    expect(await user('x')).toEqual(missing);
    sandbox.putUser({ id: 'user-1', externalId: 'x' });
    expect(await user('x')).toEqual(missing);
    await clock.advance(30_000);
    expect(await user('x')).toEqual(found('user-1'));
  });
});

test('id map scim: groups of one name are ambiguous, and the one that is spelled as asked is preferred', async () => {
  const { sandbox, map } = await given();
  for (const [id, displayName] of [
    ['g1', 'Sales'],
    ['g2', 'sales'],
    ['g3', 'Twin'],
    ['g4', 'Twin'],
  ] as const) {
    // prettier-ignore
    sandbox.putGroup({ id, displayName });
  }
  expect(await map.lookUp('group', 'sales', always)).toEqual(found('g2'));
  expect(await map.lookUp('group', 'SALES', always)).toEqual({ kind: 'ambiguous' });
  expect(await map.lookUp('group', 'Twin', always)).toEqual({ kind: 'ambiguous' });
});

test('id map scim: a group of the source that waits for its look-up keeps the group of the target from another name', async () => {
  const { sandbox, clock, map } = await given();
  sandbox.putGroup({ id: 'g1', displayName: 'Sales' });
  await map.lookUp('group', 'Sales', always);
  await clock.advance(50 * MINUTES);
  expect(map.groupNames.lookedUp('Sales')).toBe('Sales');
  // A change of it waits: what was found is too old, and the target does not answer.
  await clock.advance(50 * MINUTES);
  expect(map.known('group', 'Sales')).toBeNull();
  await clock.advance(50 * MINUTES);
  expect(await map.lookUp('group', 'sales', always)).toEqual({ kind: 'shared', first: 'Sales' });
  expect(await map.lookUp('group', 'Sales', always)).toEqual(found('g1'));
});

test('id map scim: 10,000 unknown users cost one look-up each, and a page for all who wait together', async () => {
  const { sandbox, map } = await given({ journalMax: 10 });
  putInactive(sandbox, 10);
  const ids = Array.from({ length: 10_000 }, (_, index) => `unknown-${index}`);
  const inFlightMax = 20;
  const queue = ids.values();
  const worker = async (): Promise<void> => {
    for (const id of queue) expect(await map.lookUp('user', id, always)).toEqual(missing);
  };
  await Promise.all(Array.from({ length: inFlightMax }, worker));
  const asked = sandbox.stats.lists.users;
  expect(asked).toBeGreaterThanOrEqual(10_000);
  expect(asked).toBeLessThan(12_500);
  await Promise.all(ids.slice(0, 1_000).map((id) => map.lookUp('user', id, always)));
  expect(sandbox.stats.lists.users).toBe(asked);
});

test('id map scim: look-ups that wait for the gate do not keep new groups waiting', async () => {
  const clock = new ManualClock();
  const gate = new RequestGate(60, clock);
  const asking = new Asking({ gate, search: () => Promise.reject(new Error('nothing is sent here')) });
  let lookUps = 0;
  const count = (): void => {
    lookUps += 1;
    gate.answered(null);
  };
  for (let index = 0; index < 1_000; index += 1) void asking.permit().then(count);
  let groups = 0;
  const dispatch = async (): Promise<void> => {
    for (;;) {
      while (!gate.tryTake()) await gate.whenOpen();
      if (isOver) return;
      groups += 1;
      gate.answered(null);
    }
  };
  let isOver = false;
  const dispatching = dispatch();
  for (let second = 0; second < 120; second += 1) await clock.advance(1_000);
  expect(Math.abs(lookUps - groups)).toBeLessThan(20);
  expect(lookUps + groups).toBeGreaterThan(100);
  isOver = true;
  gate.release();
  await dispatching;
});
