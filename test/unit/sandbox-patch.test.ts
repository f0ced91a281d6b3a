import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultBehaviour } from '../../src/lab/sandbox/behaviour.ts';
import { parseListFilter, parseMemberFilter, readPatch, readPut } from '../../src/lab/sandbox/request.ts';
import { GroupStore, matchesVersion } from '../../src/lab/sandbox/directory.ts';

const schemas = ['urn:ietf:params:scim:api:messages:2.0:PatchOp'];
const read = (...Operations: unknown[]) => readPatch({ schemas, Operations });

describe('reading a PATCH', () => {
  test('any member id survives the quoting of a filtered path', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (id) => {
        const patch = read({ op: 'remove', path: `members[value eq ${JSON.stringify(id)}]` });
        expect(patch.operations.map((operation) => operation.members)).toEqual([[id]]);
        expect(patch.dangerous).toBe(false);
      }),
    );
  });

  test.each([
    ['a bare remove', { op: 'remove', path: 'members' }, 'clearMembers'],
    [
      'a remove with values of the bare attribute',
      { op: 'Remove', path: 'Members', value: [{ value: 'a' }] },
      'clearMembers',
    ],
    ['a replace', { op: 'replace', path: 'members', value: [] }, 'replaceMembers'],
    ['a replace without a path', { op: 'replace', value: { members: [] } }, 'replaceMembers'],
    ['a remove without a path', { op: 'remove' }, undefined],
  ])('%s is dangerous', (_, operation, effect) => {
    const patch = read(operation);
    expect([patch.dangerous, patch.operations[0]?.effect]).toEqual([true, effect]);
  });

  test('a PUT is dangerous', () => {
    expect(readPut({ displayName: 'G' }).dangerous).toBe(true);
  });

  test.each([
    ['no schema', { schemas: [], Operations: [{ op: 'add', path: 'members', value: [] }] }, 'invalidSyntax'],
    ['no operation', { schemas, Operations: [] }, 'invalidSyntax'],
    ['an unknown op', { schemas, Operations: [{ op: 'move', path: 'members' }] }, 'invalidSyntax'],
    ['another filter', { schemas, Operations: [{ op: 'remove', path: 'members[type eq "User"]' }] }, 'invalidFilter'],
    ['another path', { schemas, Operations: [{ op: 'add', path: 'owners', value: [] }] }, 'invalidPath'],
    [
      'a member that is no object',
      { schemas, Operations: [{ op: 'add', path: 'members', value: ['a'] }] },
      'invalidValue',
    ],
  ])('%s is refused', (_, body, scimType) => {
    expect(readPatch(body).refusal?.scimType).toBe(scimType);
  });
});

describe('filters', () => {
  test('members are named by value, one or several', () => {
    expect(parseMemberFilter('value eq "a" or value eq "b\\"c"')).toEqual(['a', 'b"c']);
    expect(parseMemberFilter('value eq "a" or ')).toBeNull();
    expect(parseMemberFilter('value eq a')).toBeNull();
  });

  test('lists take quoted and unquoted values', () => {
    expect(parseListFilter('displayname EQ Sales Team')).toEqual({ attribute: 'displayname', value: 'Sales Team' });
    expect(parseListFilter('id eq "a\\\\b"')).toEqual({ attribute: 'id', value: 'a\\b' });
    expect(parseListFilter('id co "a"')).toBeNull();
  });
});

describe('applying a PATCH', () => {
  const rules = { behaviour: defaultBehaviour, userExists: (id: string) => id !== 'ghost', now: 5 };

  test('a refusal in the last operation undoes the first', () => {
    const groups = new GroupStore();
    const group = groups.put({ id: 'g', members: ['a'] }, 0);
    const { operations } = read(
      { op: 'remove', path: 'members[value eq "a"]' },
      { op: 'add', path: 'members', value: [{ value: 'ghost' }] },
    );
    expect(groups.patch(group, operations, rules)).toMatchObject({ kind: 'refused', refusal: { status: 400 } });
    expect(groups.find('g')).toBe(group);
  });

  test('a member taken out and put back is no change', () => {
    const groups = new GroupStore();
    const group = groups.put({ id: 'g', members: ['a'] }, 0);
    const { operations } = read(
      { op: 'remove', path: 'members[value eq "a"]' },
      { op: 'add', path: 'members', value: [{ value: 'a' }] },
    );
    expect(groups.patch(group, operations, rules)).toMatchObject({ kind: 'written', changed: false });
    expect(groups.find('g')?.version).toBe(1);
  });

  test.each([
    ['"42"', true],
    ['W/"42"', true],
    ['42', true],
    ['"1", "42"', true],
    ['*', true],
    ['"43"', false],
    ['"142"', false],
  ])('If-Match %s', (header, matches) => {
    expect(matchesVersion(header, 42)).toBe(matches);
  });
});
