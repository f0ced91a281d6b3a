/** What every IdMap must do, whatever is behind it. */
import { afterEach, describe, expect, test } from 'vitest';
import type { IdMap, Resolution } from '../../src/ports.ts';

export interface IdRow {
  readonly type: 'user' | 'group';
  readonly source_id: string;
  readonly genesys_id: string;
  readonly active?: boolean;
}

export interface IdMapHarness {
  /** A map that says this; it is closed by the suite, and `end` then ends all that stands behind it. */
  open(rows: readonly IdRow[]): Promise<{ readonly map: IdMap; readonly end: () => Promise<void> }>;
  /** What is said of an unknown id. */
  readonly unknown: Resolution['kind'];
  /** Two source ids may be one user: not where an id is what the target knows the user by. */
  readonly hasAliases: boolean;
}

const always = (): boolean => true;

export const found = (id: string, isActive = true): Resolution => ({ kind: 'found', id, isActive });

const ROWS: readonly IdRow[] = [
  { type: 'user', source_id: '00u1', genesys_id: 'user-1' },
  { type: 'user', source_id: '00u2', genesys_id: 'user-2', active: false },
  { type: 'group', source_id: 'Sales', genesys_id: 'group-1' },
  { type: 'user', source_id: 'Sales', genesys_id: 'user-3' },
];

const ODD_IDS = ['say "hi"', 'back\\slash', "it's 100% ?#&=+", 'Zoë-日本-🎉', '" or id eq "user-2', ' ', 'a,b'];

export function idMapSuite(name: string, harness: IdMapHarness): void {
  let ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends) await end();
    ends = [];
  });

  const given = async (rows: readonly IdRow[] = ROWS): Promise<IdMap> => {
    const { map, end } = await harness.open(rows);
    ends.push(async () => {
      await map.close();
      await end();
    });
    return map;
  };

  describe(name, () => {
    test('says what an id is called at the target, users and groups apart', async () => {
      const map = await given();
      expect(await map.lookUp('user', '00u1', always)).toEqual(found('user-1'));
      expect(await map.lookUp('group', 'Sales', always)).toEqual(found('group-1'));
      expect(await map.lookUp('user', 'Sales', always)).toEqual(found('user-3'));
    });

    test.runIf(harness.hasAliases)('lets two ids be one user', async () => {
      const map = await given([...ROWS, { type: 'user', source_id: '00u1-former', genesys_id: 'user-1' }]);
      expect(await map.lookUp('user', '00u1', always)).toEqual(found('user-1'));
      expect(await map.lookUp('user', '00u1-former', always)).toEqual(found('user-1'));
    });

    test.runIf(harness.hasAliases)('resolves no group whose target another group has too', async () => {
      const upper = {
        type: 'group',
        source_id: 'Verkauf',
        genesys_id: '5B1E7C2A-9A41-4A0B-B1A7-2F8E4C6D3E55',
      } as const;
      const lower = { ...upper, source_id: 'Ventes', genesys_id: upper.genesys_id.toLowerCase() };
      const map = await given([...ROWS, upper, lower]);
      for (const id of ['Verkauf', 'Ventes']) expect(await map.lookUp('group', id, always)).toEqual({ kind: 'shared' });
      expect(await map.lookUp('group', 'Sales', always)).toEqual(found('group-1'));
    });

    test('distinguishes an inactive user from an unknown one', async () => {
      const map = await given();
      expect(await map.lookUp('user', '00u2', always)).toEqual(found('user-2', false));
      expect((await map.lookUp('user', '00u9', always)).kind).toBe(harness.unknown);
      expect((await map.lookUp('group', '00u1', always)).kind).toBe(harness.unknown);
    });

    test('knows what was looked up', async () => {
      const map = await given();
      for (const id of ['00u1', '00u2', '00u9']) {
        const looked = await map.lookUp('user', id, always);
        expect(map.known('user', id)).toEqual(looked);
      }
    });

    test('gives everybody who asks at the same time the same answer', async () => {
      const map = await given();
      const answers = await Promise.all(Array.from({ length: 20 }, () => map.lookUp('user', '00u1', always)));
      expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toEqual(
        new Set([JSON.stringify(found('user-1'))]),
      );
    });

    test.each(ODD_IDS)('takes %j for what it is', async (id) => {
      const other = { type: 'user', source_id: 'other', genesys_id: 'user-2' } as const;
      const map = await given([{ type: 'user', source_id: id, genesys_id: 'user-1' }, other]);
      expect(await map.lookUp('user', id, always)).toEqual(found('user-1'));
      expect((await map.lookUp('user', `${id}x`, always)).kind).toBe(harness.unknown);
    });

    test('can be closed twice', async () => {
      const map = await given();
      await map.close();
      await map.close();
    });
  });
}
