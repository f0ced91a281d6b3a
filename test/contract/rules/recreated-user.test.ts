/** Users that are looked up, and were deleted and created again under another id: the refusal of the former id ends it. */
import { describe, expect, test } from 'vitest';
import { ScimIdMap } from '../../../src/adapters/ids/scim.ts';
import { requestKey } from '../../../src/core/log/request-record.ts';
import { textHeader } from '../../../src/core/log/wire-intent.ts';
import type { HttpAnswer } from '../../../src/core/target/refusals.ts';
import { answer, QuickWorld, type QuickOptions } from '../../support/quick-world.ts';

const MINUTE = 60_000;
const scheduled = { baseMs: 1_000, capMs: 30_000, attemptsMax: 5, slowScheduleMs: [MINUTE, 5 * MINUTE] };
const unknownUser = answer(400, { body: { status: '400', detail: 'The member user-1 does not exist.' } });
const notFound = answer(404);

class RecreatedWorld extends QuickWorld {
  /** The source's name of the user → the id at the target. */
  readonly users = new Map([
    ['ann', 'user-1'],
    ['bob', 'user-2'],
  ]);
  readonly searches: string[] = [];

  constructor(retry: NonNullable<QuickOptions['pipeline']>['retry'], refusal: HttpAnswer) {
    super({
      ids: ({ target: api, clock, logger }) =>
        new ScimIdMap({ userAttribute: 'externalId', groupAttribute: 'id' }, { api, clock, logger }),
      pipeline: { retry: retry ?? scheduled },
    });
    this.target.onSearch = ({ filter }) => {
      const name = String(JSON.parse(filter.slice(filter.indexOf(' eq ') + 4)));
      this.searches.push(name);
      const id = this.users.get(name);
      const Resources = id === undefined ? [] : [{ id, externalId: name, active: true }];
      return answer(200, { body: { totalResults: Resources.length, Resources } });
    };
    this.target.onPatch = ({ body }) => {
      const named = body.Operations.flatMap(({ value }) => value?.map((member) => member.value) ?? []);
      return named.every((id) => [...this.users.values()].includes(id)) ? null : refusal;
    };
  }

  recreate(): void {
    this.users.set('ann', 'user-1b');
  }

  members(group: string): readonly string[] {
    return [...this.target.group(group).members];
  }

  replay(member: string, offset: bigint): void {
    const value = JSON.stringify({
      v: 1,
      group: 'g',
      pending: [{ member, op: 'add', topic: 'source', partition: 0, offset: String(offset) }],
    });
    const headers = [textHeader('rollcall-type', 'replay')];
    this.broker.append([{ topic: 'retry', partition: 0, key: requestKey('1'), value, headers }]);
  }
}

/** `ann` was looked up for another group, and has another id since. */
async function given(refusal: HttpAnswer, retry?: typeof scheduled): Promise<RecreatedWorld> {
  const world = new RecreatedWorld(retry ?? scheduled, refusal);
  world.produce({ group_id: 'former', add_members: ['ann', 'bob'] });
  await world.start();
  expect(world.members('former')).toEqual(['user-1', 'user-2']);
  world.recreate();
  return world;
}

test.each([
  { title: '400', refusal: unknownUser, members: ['ann'] },
  { title: '404', refusal: notFound, members: ['ann'] },
  { title: '400, of several,', refusal: unknownUser, members: ['ann', 'bob'] },
])(
  'recreated user: after a $title to the former id the next try looks the user up again',
  async ({ refusal, members }) => {
    const world = await given(refusal);
    world.produce({ add_members: members });
    await world.clock.advance(5_000);
    expect(world.members('g')).not.toContain('user-1b');
    await world.clock.advance(MINUTE);
    expect(world.members('g')).toContain('user-1b');
    // The other user is not looked up again.
    expect(world.searches).toEqual(['ann', 'bob', 'ann']);
    expect(world.reports().at(-1)).toMatchObject({ outcome: 'recovered', source_member: 'ann', member: 'user-1b' });
  },
);

test('recreated user: a change that was given up for it lands once it is replayed', async () => {
  const world = await given(unknownUser, { ...scheduled, attemptsMax: 1, slowScheduleMs: [] });
  world.produce({ add_members: ['ann'] });
  await world.clock.advance(5_000);
  expect(world.reports().at(-1)).toMatchObject({ outcome: 'permanent_failure', source_member: 'ann' });
  world.replay('ann', 1n);
  await world.clock.advance(5_000);
  expect(world.members('g')).toEqual(['user-1b']);
});

test('recreated user: a refusal of another kind leaves what was looked up', async () => {
  const world = await given(answer(403));
  world.produce({ add_members: ['ann'] });
  await world.clock.advance(2 * MINUTE);
  expect(world.searches).toEqual(['ann', 'bob']);
});

describe('a removal that finds no member to remove', () => {
  test('is final only after another look-up: another instance has added the user under the new id', async () => {
    const world = await given(unknownUser);
    await world.clock.advance(2 * MINUTE);
    world.target.group('g').members.add('user-1b');
    world.produce({ remove_members: ['ann'] });
    await world.clock.advance(5_000);
    expect(world.members('g')).toEqual([]);
    expect(world.searches).toEqual(['ann', 'bob', 'ann']);
    expect(world.reports().at(-1)).toMatchObject({ outcome: 'applied', op: 'remove', member: 'user-1b' });
  });

  test('looks up once, however slow the target is', async () => {
    const world = await given(unknownUser);
    world.users.set('ann', 'user-1');
    await world.clock.advance(2 * MINUTE);
    let slowUntil = 4 * MINUTE;
    world.target.onGet = () => (world.clock.now().monotonic < slowUntil ? answer(429) : null);
    world.produce({ remove_members: ['ann'] });
    const { onSearch } = world.target;
    world.target.onSearch = (search) => {
      slowUntil = world.clock.now().monotonic + 2 * MINUTE;
      return onSearch(search);
    };
    await world.clock.advance(15 * MINUTE);
    expect(world.searches).toEqual(['ann', 'bob', 'ann']);
    expect(world.reports().at(-1)).toMatchObject({ outcome: 'already_synced', op: 'remove' });
  });

  test('looks up no more where the id was looked up just now', async () => {
    const world = await given(unknownUser);
    world.produce({ remove_members: ['ann'] });
    await world.clock.advance(5_000);
    expect(world.searches).toEqual(['ann', 'bob']);
    expect(world.reports().at(-1)).toMatchObject({ outcome: 'already_synced' });
  });
});
