// `rollcall plan` against the sandbox.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { applyFile } from '../../src/commands/apply.ts';
import { planCommand, planFile } from '../../src/commands/plan.ts';
import type { GroupPlan } from '../../src/console/dry-run.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { startSandbox, type Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import { aContext } from '../support/command-context.ts';
import { environmentOf } from '../../src/lab/sandbox/server.ts';

let sandbox: Sandbox;

beforeEach(async () => {
  const groups = [{ id: 'g', members: ['there'], version: 7 }, { id: 'h' }];
  sandbox = await startSandbox({ users: 'any', seed: { groups }, limits: 'off' });
});

afterEach(() => sandbox.stop());

async function plan(lines: readonly string[], environment: Record<string, string> = {}) {
  const context = aContext({ environment: { ...environmentOf(sandbox), ...environment }, stdin: lines.join('\n') });
  const code = await planFile('-', { json: true }, context);
  const plans = context
    .out()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as GroupPlan);
  return { code, plans, err: context.err() };
}

const event = (group: string, add: readonly string[], remove: readonly string[] = []): string =>
  JSON.stringify({ group_id: group, add_members: add, remove_members: remove });

describe('plan', () => {
  test('reads what --format names, beside any SOURCE_FORMAT', async () => {
    const stdin = JSON.stringify({ group_id: 'h', members: ['a'], complete: true });
    const environment = { ...environmentOf(sandbox), SOURCE_FORMAT: 'debezium' };
    const context = aContext({ environment, stdin });
    await planCommand(context).parseAsync(['-', '--json', '--format', 'native'], { from: 'user' });
    expect(context.exitCode()).toBe(EXIT.done);
    expect(JSON.parse(context.out())).toMatchObject({ group: 'h', requests: [{ method: 'PATCH' }] });
  });

  test('folds the changes of a group into the request that apply would send, and sends GETs only', async () => {
    const { code, plans } = await plan([
      event('g', ['a', 'there']),
      event('g', ['b'], ['a']),
      event('g', [], ['there']),
    ]);
    expect(code).toBe(EXIT.done);
    expect(plans).toEqual([
      {
        group: 'g',
        etag: '"7"',
        requests: [
          {
            method: 'PATCH',
            path: '/api/v2/scim/v2/groups/g',
            if_match: '"7"',
            body: {
              schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
              Operations: [
                { op: 'remove', path: 'members[value eq "there"]' },
                {
                  op: 'add',
                  path: 'members',
                  value: [{ value: 'b', $ref: 'https://api.mypurecloud.com/api/v2/scim/v2/Users/b' }],
                },
              ],
            },
          },
        ],
        noop: ['a'],
        predicted: [
          { member: 'a', outcome: 'superseded', code: null },
          { member: 'there', outcome: 'superseded', code: null },
          { member: 'a', outcome: 'already_synced', code: null },
          { member: 'there', outcome: 'applied', code: null },
          { member: 'b', outcome: 'applied', code: null },
        ],
      },
    ]);
    expect(Object.keys(sandbox.stats.requests)).not.toContain('PATCH');
  });

  test('names users by the API of the region, though requests go elsewhere', async () => {
    const { plans } = await plan([event('h', ['a/b'])], { GENESYS_DOMAIN: 'mypurecloud.de' });
    expect(plans[0]?.requests[0]?.body.Operations[0]?.value).toEqual([
      { value: 'a/b', $ref: 'https://api.mypurecloud.de/api/v2/scim/v2/Users/a%2Fb' },
    ]);
  });

  test('cuts what is too much for one request; only the first version is known', async () => {
    const members = Array.from({ length: 120 }, (_, index) => `m${index}`);
    const [group] = (await plan([event('h', members)])).plans;
    expect(group?.requests.map(({ if_match }) => if_match)).toEqual(['"1"', null, null]);
  });

  test('a group that is not there is foreseen as a failure', async () => {
    const { code, plans } = await plan(['', event('nowhere', ['a']), event('g', ['a'])]);
    expect(code).toBe(EXIT.someFailed);
    expect(plans[0]).toMatchObject({
      group: 'nowhere',
      etag: null,
      requests: [],
      predicted: [{ member: 'a', outcome: 'permanent_failure' }],
    });
    expect(plans[1]?.requests).toHaveLength(1);
  });

  test('or as a retry where the slow schedule is asked for', async () => {
    const { code, plans } = await plan([event('nowhere', ['a'])], { SLOW_RETRY_SCHEDULE_MS: '60000' });
    expect(code).toBe(EXIT.someFailed);
    expect(plans[0]?.predicted).toMatchObject([{ outcome: 'retry_scheduled' }]);
  });

  test('names the line that is not valid, counted from 1, and plans the rest', async () => {
    const { code, plans, err } = await plan(['', '{', event('g', ['a'])]);
    expect(code).toBe(EXIT.someFailed);
    expect(err).toContain('line 2: not_json');
    expect(plans).toHaveLength(1);
  });

  test('ends with 78 where the client is refused', async () => {
    sandbox.refuseClient();
    await expect(plan([event('g', ['a'])])).rejects.toMatchObject({
      code: EXIT.configuration,
      message: expect.stringContaining('GENESYS_CLIENT_ID'),
    });
  });

  test('for people the totals come first; as JSON they are on standard error', async () => {
    const lines = [event('g', ['a', 'b'], ['there']), '{', event('g', ['a']), event('nowhere', ['a'])];
    const context = aContext({ environment: environmentOf(sandbox), stdin: lines.join('\n') });
    expect(await planFile('-', {}, context)).toBe(EXIT.someFailed);
    const totals =
      /^2 groups, 1 request, about \d+ (ms|s)\.\n {2}invalid {12}1\n {2}superseded {9}1\n {2}applied {12}3\n {2}permanent_failure {2}1\n/;
    expect(context.out()).toMatch(totals);
    expect((await plan(lines)).err.split('\n').slice(1).join('\n')).toMatch(totals);
  });

  test('names the groups that fail and the largest ones; --verbose shows every request', async () => {
    const lines = [
      event('nowhere', ['a']),
      event('g', [], ['there']),
      ...[1, 2, 3, 4, 5, 6].map((size) =>
        event(
          `of-${size}`,
          Array.from({ length: size }, (_, i) => `m${i}`),
        ),
      ),
    ];
    for (const size of [1, 2, 3, 4, 5, 6]) sandbox.putGroup({ id: `of-${size}` });
    const environment = { ...environmentOf(sandbox), GUARD_GROUP_FLOOR: '1' };
    const short = aContext({ environment, stdin: lines.join('\n') });
    expect(await planFile('-', {}, short)).toBe(EXIT.someFailed);
    expect(short.out().split('\n')[0]).toMatch(/^8 groups, 6 requests, about \d+ (ms|s), 1 removal held\.$/);
    expect(short.out()).toContain('group g  version "7"  0 requests: 1 held (group_percent)\n');
    expect(short.out()).toMatch(/\n  --approve [0-9a-f]{12,64}  group g\n/);
    expect(short.out()).toContain('group nowhere  cannot be read  0 requests: 1 permanent_failure (not.found)\n');
    expect(short.out()).toContain('… and 1 more group\n');
    expect(short.out()).not.toContain('group of-1 ');
    expect(short.out()).not.toContain('PATCH');
    const verbose = aContext({ environment, stdin: lines.join('\n') });
    await planFile('-', { verbose: true }, verbose);
    expect(verbose.out()).toContain('group of-1  version "1"\n  PATCH /api/v2/scim/v2/groups/of-1  If-Match: "1"\n');
  });

  test.each([
    ['an empty full state', [JSON.stringify({ group_id: 'g', members: [], complete: true })], {}],
    ['a deleted group', [JSON.stringify({ group_id: 'g', members: [], complete: true, deleted: true })], {}],
    ['too large a share', [event('g', [], ['there'])], { GUARD_GROUP_FLOOR: '1' }],
    ['too many in all', [event('g', [], ['there']), event('i', [], ['there'])], { GUARD_WINDOW_COUNT: '1' }],
    ['a line that is not valid', [event('g', ['a']), '{'], {}],
    ['a group that is not there', [event('nowhere', ['a'])], {}],
    ['a group that is waited for', [event('nowhere', ['a'])], { SLOW_RETRY_SCHEDULE_MS: '1' }],
    ['nothing at all', [''], {}],
    ['a change', [event('g', ['a'], ['there'])], {}],
    ['what is so already', [event('g', ['there'])], {}],
    ['no members', [event('g', [])], {}],
  ])('exits as apply does: %s', async (_, lines, environment) => {
    sandbox.putGroup({ id: 'i', members: ['there'] });
    const { code } = await plan(lines, environment);
    const context = aContext({ environment: { ...environmentOf(sandbox), ...environment }, stdin: lines.join('\n') });
    expect(await applyFile('-', { json: true }, context)).toBe(code);
  });

  test('stops at once while the target has it wait', async () => {
    sandbox.addRule({
      match: { method: 'GET' },
      fault: { kind: 'status', status: 429, retryAfterSeconds: 60 },
    });
    const context = aContext({ environment: environmentOf(sandbox), stdin: event('g', ['a']) });
    const refused = sandbox.nextRequest(({ endpoint }) => endpoint === 'group');
    const planning = planFile('-', {}, context);
    await refused;
    context.ask();
    await expect(planning).rejects.toMatchObject({ code: EXIT.someFailed, message: 'stopped' });
    expect(context.out()).toBe('');
  });

  test('a file that is not there is a usage error', async () => {
    const context = aContext({ environment: environmentOf(sandbox) });
    await expect(planFile('/nowhere.ndjson', {}, context)).rejects.toMatchObject({ code: EXIT.usage });
  });
});

test('plan: a group that shows another name than its look-up is not planned for', async () => {
  sandbox.putGroup({ id: 'h', displayName: 'Sales' });
  const reading = sandbox.pauseAt(({ method, path }) => method === 'GET' && path.includes('/groups/h'));
  const planning = plan([event('Sales', ['a'])], { ID_MAP: 'scim' });
  await reading.arrived;
  sandbox.putGroup({ id: 'h', displayName: 'Sales EU' });
  reading.release();
  const { plans } = await planning;
  expect(plans).toMatchObject([{ group: 'Sales', etag: null, requests: [], predicted: [{ code: 'group_renamed' }] }]);
});
