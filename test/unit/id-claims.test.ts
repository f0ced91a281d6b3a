/** A table topic, record by record. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IdClaims } from '../../src/core/ids/id-table.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const row = (source: string, id: string, more: object = {}): string =>
  JSON.stringify({ type: 'user', source_id: source, genesys_id: id, ...more });

function given(...records: readonly (readonly [key: string | null, value: string | null])[]) {
  const claims = new IdClaims();
  const problems = records.map(([key, value]) =>
    claims.take(key === null ? null : bytes(key), value === null ? null : bytes(value)),
  );
  return { claims, problems };
}

const found = (id: string) => ({ kind: 'found', id, isActive: true });

describe('a key', () => {
  test('says what its newest record says', () => {
    const { claims } = given(['k', row('a', 'u1')], ['k', row('a', 'u2')]);
    expect([claims.resolve('user', 'a'), claims.resolve('group', 'a'), claims.size]).toEqual([
      found('u2'),
      { kind: 'unmapped' },
      1,
    ]);
  });

  test('takes back what it said before when it speaks of another id', () => {
    const { claims } = given(['k', row('a', 'u1')], ['k', row('b', 'u1')]);
    expect([claims.resolve('user', 'a'), claims.resolve('user', 'b')]).toEqual([{ kind: 'unmapped' }, found('u1')]);
  });

  test('takes it back with a tombstone, and with a record that cannot be read', () => {
    const { claims, problems } = given(
      ['k', row('a', 'u1')],
      ['l', row('b', 'u2')],
      ['k', null],
      ['l', '{"type":"user"}'],
      ['m', null],
    );
    expect(problems).toEqual([null, null, null, 'source_id must be a text', null]);
    expect([claims.resolve('user', 'a'), claims.resolve('user', 'b'), claims.size]).toEqual([
      { kind: 'unmapped' },
      { kind: 'unmapped' },
      0,
    ]);
  });

  test('differs from another by its bytes, even where they are no text', () => {
    const claims = new IdClaims();
    claims.take(new Uint8Array([0xff]), bytes(row('a', 'u1')));
    claims.take(new Uint8Array([0xfe]), null);
    expect(claims.resolve('user', 'a')).toEqual(found('u1'));
  });

  test('must be there', () => {
    expect(given([null, row('a', 'u1')]).problems).toEqual([expect.stringContaining('no key')]);
  });
});

describe('two keys', () => {
  test('that say the same are one, until the last of them is gone', () => {
    const { claims } = given(['k', row('a', 'u1')], ['l', row('a', 'u1')], ['k', null]);
    expect(claims.resolve('user', 'a')).toEqual(found('u1'));
    claims.take(bytes('l'), null);
    expect(claims.resolve('user', 'a')).toEqual({ kind: 'unmapped' });
  });

  test('that differ make the id ambiguous, until one of them gives in', () => {
    const { claims } = given(['k', row('a', 'u1')], ['l', row('a', 'u2')]);
    expect(claims.resolve('user', 'a')).toEqual({ kind: 'ambiguous' });
    claims.take(bytes('l'), bytes(row('a', 'u1')));
    expect(claims.resolve('user', 'a')).toEqual(found('u1'));
  });
});

describe('a target that two groups have', () => {
  const group = (source_id: string, genesys_id: string): string =>
    JSON.stringify({ type: 'group', source_id, genesys_id });
  const both = ['a', 'b'] as const;

  test('resolves neither, until one of them is taken back or goes elsewhere', () => {
    const { claims } = given(['k', group('a', 'g1')], ['l', group('b', 'g1')]);
    expect(both.map((id) => claims.resolve('group', id))).toEqual([{ kind: 'shared' }, { kind: 'shared' }]);
    claims.take(bytes('l'), bytes(group('b', 'g2')));
    expect(both.map((id) => claims.resolve('group', id))).toEqual([found('g1'), found('g2')]);
    claims.take(bytes('k'), bytes(group('a', 'g2')));
    claims.take(bytes('l'), null);
    expect(both.map((id) => claims.resolve('group', id))).toEqual([found('g2'), { kind: 'unmapped' }]);
  });

  test('stays shared while another key of one of them is left', () => {
    const { claims } = given(['k', group('a', 'g1')], ['m', group('a', 'g1')], ['l', group('b', 'g1')], ['k', null]);
    expect(claims.resolve('group', 'b')).toEqual({ kind: 'shared' });
    claims.take(bytes('m'), null);
    expect(claims.resolve('group', 'b')).toEqual(found('g1'));
  });
});

test('what two partitions say does not depend on which is read first', () => {
  const record = fc.tuple(
    fc.constantFrom('k', 'l', 'm'),
    fc.option(fc.constantFrom(row('a', 'u1'), row('a', 'u2'), row('b', 'u1'), 'bad')),
  );
  fc.assert(
    fc.property(fc.array(record), (records) => {
      const ofKey = (key: string) => records.filter(([one]) => one === key);
      const one = given(...ofKey('k'), ...ofKey('l'), ...ofKey('m')).claims;
      const other = given(...ofKey('m'), ...ofKey('l'), ...ofKey('k')).claims;
      for (const id of ['a', 'b']) expect(one.resolve('user', id)).toEqual(other.resolve('user', id));
      expect(one.size).toBe(other.size);
    }),
  );
});
