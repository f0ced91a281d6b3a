/** What is asked for an id, and what an answer means. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  judgeResources,
  readScimList,
  searchFor,
  searchOneInactive,
  searchPath,
  type Sought,
} from '../../src/core/ids/look-up.ts';

const listOf = (...resources: readonly unknown[]) => ({ totalResults: resources.length, Resources: resources });

function judged(sought: Sought, ...resources: readonly unknown[]) {
  return judgeResources(readScimList(listOf(...resources))?.resources ?? [], sought);
}

describe('the path', () => {
  test('asks for one value, for what it is compared by, and for no page that is too large', () => {
    const path = searchPath(searchFor({ attribute: 'externalId', value: '00u1' }));
    expect(path).toBe(
      '/api/v2/scim/v2/users?filter=externalId%20eq%20%2200u1%22&attributes=id%2Cactive%2CuserName%2CexternalId&startIndex=1&count=25',
    );
  });

  test('spares the members of groups', () => {
    const { searchParams } = new URL(searchPath(searchFor({ attribute: 'displayName', value: 'Sales' })), 'http://h');
    expect(Object.fromEntries(searchParams)).toEqual({
      filter: 'displayName eq "Sales"',
      attributes: 'id,displayName',
      startIndex: '1',
      count: '25',
    });
  });

  test('carries any value unharmed: the filter ends where it ends', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (value) => {
        const { searchParams, hash } = new URL(searchPath(searchFor({ attribute: 'email', value })), 'http://h');
        const [, quoted = ''] = /^email eq (.*)$/s.exec(searchParams.get('filter') ?? '') ?? [];
        expect([JSON.parse(quoted), hash, searchParams.get('count')]).toEqual([value, '', '25']);
      }),
    );
  });

  test.each(['\ud800', '"', '\\"', '%22', '&count=0', '" or active eq true or id eq "'])('carries %j', (value) => {
    const { searchParams } = new URL(searchPath(searchFor({ attribute: 'userName', value })), 'http://h');
    expect(searchParams.get('filter')).toBe(`userName eq ${JSON.stringify(value)}`);
  });

  test('of one inactive user has both conditions', () => {
    expect(searchOneInactive({ attribute: 'userName', value: 'a"b' }).filter).toBe(
      'userName eq "a\\"b" and active eq false',
    );
  });
});

describe('a list', () => {
  test.each([
    ['nothing', undefined],
    ['a text', 'x'],
    ['no total', { Resources: [] }],
    ['a negative total', { totalResults: -1, Resources: [] }],
    ['a resource without id', listOf({ active: true })],
    ['an id that cannot be one', listOf({ id: 'a\nb' })],
    ['a resource that is none', listOf(null)],
    ['more resources than there are', { totalResults: 0, Resources: [{ id: 'a' }] }],
    ['resources that are no list', { totalResults: 1, Resources: { id: 'a' } }],
  ])('%s is none', (_name, body) => {
    expect(readScimList(body)).toBeNull();
  });

  test('of no user may have no resources', () => {
    expect(readScimList({ totalResults: 0 })).toEqual({ total: 0, resources: [] });
    expect(readScimList({ totalResults: 0, Resources: null })).toEqual({ total: 0, resources: [] });
  });

  test('is read where attributes are strange: they are not said then', () => {
    const read = readScimList(
      listOf({ id: 'u', active: 'yes', userName: 7, externalId: null, emails: ['x', { value: 'y' }] }),
    );
    expect(read?.resources).toEqual([
      { id: 'u', active: null, userName: null, externalId: null, displayName: null, emails: ['y'] },
    ]);
  });

  test('is total: whatever the body, nothing is thrown', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true }), fc.array(fc.anything()), (body, resources) => {
        readScimList(body);
        readScimList({ totalResults: resources.length, Resources: resources });
      }),
    );
  });
});

describe('an answer', () => {
  const sought: Sought = { attribute: 'externalId', value: 'x' };

  test('counts only who shows the very value', () => {
    expect(judged(sought, { id: 'u1', externalId: 'y' }, { id: 'u2' })).toEqual({ kind: 'missing' });
    expect(judged(sought, { id: 'u1', externalId: 'y' }, { id: 'u2', externalId: 'x' })).toEqual({
      kind: 'found',
      id: 'u2',
      isActive: true,
    });
  });

  test('tells inactive users', () => {
    expect(judged(sought, { id: 'u1', externalId: 'x', active: false })).toMatchObject({ id: 'u1', isActive: false });
  });

  test('with two of the value is ambiguous, with the same one twice it is not', () => {
    const one = { id: 'u1', externalId: 'x' };
    expect(judged(sought, one, { id: 'u2', externalId: 'x' })).toEqual({ kind: 'ambiguous' });
    expect(judged(sought, one, one)).toMatchObject({ kind: 'found', id: 'u1' });
  });

  test.each([
    ['externalId', 'missing'],
    ['userName', 'found'],
    ['displayName', 'found'],
  ] as const)('in another case: by %s it is %s', (attribute, kind) => {
    expect(judged({ attribute, value: 'Ab' }, { id: 'i', [attribute]: 'aB' }).kind).toBe(kind);
  });

  test('with several that differ in case only is the one that is spelled so, or ambiguous', () => {
    const [upper, lower] = [
      { id: 'g1', displayName: 'Sales' },
      { id: 'g2', displayName: 'sales' },
    ];
    expect(judged({ attribute: 'displayName', value: 'sales' }, upper, lower)).toMatchObject({ id: 'g2' });
    expect(judged({ attribute: 'displayName', value: 'SALES' }, upper, lower)).toEqual({ kind: 'ambiguous' });
  });

  test('by email counts each address, and the userName, which is the main one', () => {
    const emails = [{ value: 'a@x' }, { value: 'B@x' }];
    const asked = (value: string) => judged({ attribute: 'email', value }, { id: 'u', emails, userName: 'c@x' }).kind;
    expect(['b@x', 'C@X', 'd@x'].map(asked)).toEqual(['found', 'found', 'missing']);
  });
});
