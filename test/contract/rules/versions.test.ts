/** Versions that are changed on the way, and answers that are looked at (protocol.md 7.2, 7.3). */
import { expect, test } from 'vitest';
import type { Behaviour } from '../../../src/lab/sandbox/behaviour.ts';
import { requests } from '../../support/group-requests.ts';
import { aWorld, type World } from '../../support/world.ts';

const aWorldThat = (behaviour: Partial<Behaviour>, members: readonly string[] = []): Promise<World> =>
  aWorld({ sandbox: { seed: { groups: [{ id: 'g', members: [...members], version: 1 }] }, behaviour } });

const patches = (world: World) => requests(world.sandbox, 'PATCH').map(({ ifMatch, status }) => [ifMatch, status]);

test.each([
  [
    'suffixed',
    [
      ['"1-gzip"', 400],
      ['"1"', 200],
      ['"2"', 200],
    ],
  ],
  [
    'weak',
    [
      ['"1"', 400],
      ['W/"1"', 200],
      ['W/"2"', 200],
    ],
  ],
] as const)('version: a version that is %s on the way is found, and the form is kept', async (versionTag, expected) => {
  const world = await aWorldThat({ versionTag });
  const first = world.change('g', { add: ['a'] });
  const one = await world.start();
  await world.expectRest(one);
  const second = world.change('g', { add: ['b'] });
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(['a', 'b']);
  expect(patches(world)).toEqual(expected);
  expect([world.outcome(first, 'a'), world.outcome(second, 'b')]).toEqual(['applied', 'applied']);
});

test('version: a header that is a hash is passed over for meta.version', async () => {
  const world = await aWorldThat({ versionTag: 'hashed' });
  const change = world.change('g', { add: ['a'] });
  const one = await world.start();
  await world.expectRest(one);
  expect(world.outcome(change, 'a')).toBe('applied');
  expect(patches(world).map(([, status]) => status)).toEqual([400, 200]);
});

test.each([0, 3])(
  'version: where no form fits it is said, after few requests (MAX_CONFLICTS %i)',
  async (conflictsMax) => {
    const world = await aWorldThat({ versionTag: 'unusable' });
    const change = world.change('g', { add: ['a'] });
    const retry = { baseMs: 1, capMs: 1, attemptsMax: 2, slowScheduleMs: [] };
    const one = await world.start({ pipeline: { conflictsMax, retry } });
    await world.expectRest(one);
    expect(world.kept().get(`source/0/${change}/a`)).toMatchObject({
      outcome: 'permanent_failure',
      attempt: 2,
      reason: { code: 'etag_changed', advice: expect.stringContaining('ETag') },
    });
    expect(requests(world.sandbox, 'PATCH')).toHaveLength(4);
    expect(requests(world.sandbox, 'GET').length).toBeLessThanOrEqual(7);
  },
);

test('version: a strong version that header and body agree on is believed: a read that lags looks the same', async () => {
  const world = await aWorldThat({});
  world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 412 } });
  const change = world.change('g', { add: ['a'] });
  const retry = { baseMs: 1, capMs: 1, attemptsMax: 1, slowScheduleMs: [] };
  const one = await world.start({ pipeline: { conflictsMax: 2, retry } });
  await world.expectRest(one);
  expect(patches(world)).toEqual([
    ['"1"', 412],
    ['"1"', 412],
    ['"1"', 412],
  ]);
  expect(world.kept().get(`source/0/${change}/a`)?.reason?.code).not.toBe('etag_changed');
});

test('version: a PATCH whose answer names no version counts by its members, and the next one reads the version', async () => {
  const world = await aWorldThat({ patchAnswer: 'groupWithoutVersion' });
  const changes = ['a', 'b', 'c', 'd', 'e', 'f'].map((member) => ({
    member,
    offset: world.change('g', { add: [member] }),
  }));
  const one = await world.start({ pipeline: { membersPerPatchMax: 1, breakerFailures: 2 } });
  await world.expectRest(one);
  for (const { member, offset } of changes) {
    expect(world.kept().get(`source/0/${offset}/${member}`)).toMatchObject({
      outcome: 'applied',
      request: { verified: true, etag_after: null },
    });
  }
  expect(patches(world).map(([ifMatch]) => ifMatch)).toEqual(changes.map((_, i) => `"${i + 1}"`));
  expect(requests(world.sandbox, 'GET')).toHaveLength(changes.length);
});

test('version: a no-op beside a PATCH is final only by what the answer shows', async () => {
  // given a group whose member goes while another is added, though the version does not tell
  const world = await aWorldThat({}, ['there']);
  world.sandbox.onRequest(({ entry, phase }) => {
    if (entry.method === 'PATCH' && phase === 'arrived' && world.sandbox.version('g') === 1)
      world.sandbox.putGroup({ id: 'g', members: [], version: 1 });
  });
  const change = world.change('g', { add: ['there', 'new'] });
  const one = await world.start();
  await world.expectRest(one);
  // then it is added, not called so
  expect(new Set(world.sandbox.members('g'))).toEqual(new Set(['there', 'new']));
  expect(world.outcome(change, 'there')).toBe('applied');
});

test('version: a no-op that the answer shows costs no request of its own', async () => {
  const world = await aWorldThat({}, ['there']);
  const change = world.change('g', { add: ['there', 'new'], remove: ['absent'] });
  const one = await world.start();
  await world.expectRest(one);
  expect(requests(world.sandbox, 'GET')).toHaveLength(1);
  expect(requests(world.sandbox, 'PATCH')).toHaveLength(1);
  expect(['there', 'absent'].map((member) => world.outcome(change, member))).toEqual([
    'already_synced',
    'already_synced',
  ]);
});
