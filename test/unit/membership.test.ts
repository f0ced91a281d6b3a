/** What an answer shows of the members of a group, and which spellings are one id (protocol.md 3.1, 5.3, 7.5). */
import { describe, expect, test } from 'vitest';
import {
  apart,
  patchBody,
  plan,
  readGroupBody,
  sightOf,
  spellingOf,
  type Membership,
} from '../../src/core/target/snapshot.ts';
import { idKey, isSameId } from '../../src/core/change/change.ts';
import { anIntent } from '../support/an-intent.ts';

const LOWER = 'c0ffee00-aaaa-4bbb-8ccc-0123456789ab';
const UPPER = LOWER.toUpperCase();

function membersOf(members: unknown): Membership {
  const group = readGroupBody({ id: 'g', ...(members !== undefined && { members }) }, '"1"');
  if (group === null) throw new Error('not read');
  return group.members;
}

const many = (count: number) => Array.from({ length: count }, (_, i) => ({ value: `m${i}` }));

test.each([
  [UPPER, LOWER, true],
  ['C0ffee00-AAAA-4bbb-8CCC-0123456789ab', LOWER, true],
  [`{${UPPER}}`, `{${LOWER}}`, false],
  [UPPER.replaceAll('-', ''), LOWER.replaceAll('-', ''), false],
  ['Ada', 'ada', false],
  [`${UPPER}0`, `${LOWER}0`, false],
])('%s and %s are one id: %s', (one, other, isSame) => {
  expect(isSameId(one, other)).toBe(isSame);
  expect(idKey(one) === idKey(other)).toBe(isSame);
});

test.each([
  [undefined, true],
  [null, true],
  [[], false],
  [many(99), false],
  [many(100), true],
  [many(101), false],
  [many(300), true],
  [[...many(3), { value: 7 }], true],
  [[...many(3), { value: '' }], true],
  [[...many(3), { $ref: 'https://api.example.org/Users/m3' }], true],
  [[...many(3), 'm3'], true],
  [[...many(3), null], true],
  [['m0', 'm1'], true],
])(
  'a list is doubtful where it is absent, null or cut, or names a member whom we cannot tell',
  (members, isDoubtful) => {
    expect(membersOf(members).isDoubtful).toBe(isDoubtful);
  },
);

test.each([
  ['https://api.example.org/api/v2/scim/v2/Groups/m', true],
  ['/scim/v2/groups/m', true],
  ['Groups/m', true],
  ['https://api.example.org/api/v2/scim/v2/Users/m', false],
  ['https://api.example.org/groups/v2/Users/m', false],
  ['m', false],
  [7, false],
])('a member without a type and with the reference %j is no user: %s', ($ref, isNested) => {
  expect(membersOf([{ value: 'm', $ref }]).nested.has('m')).toBe(isNested);
  expect(membersOf([{ value: 'm', $ref, type: 'User' }]).nested.has('m')).toBe(false);
});

test.each([
  [undefined, false],
  [null, false],
  ['User', false],
  ['user', false],
  ['USER', false],
  ['Group', true],
  ['group', true],
  ['Device', true],
  [7, true],
])('a member of the type %j is no user: %s', (type, isNested) => {
  expect(membersOf([{ value: 'm', ...(type !== undefined && { type }) }]).nested.has('m')).toBe(isNested);
});

describe('what is seen of an intent', () => {
  const [add, remove] = [anIntent({ member: 'm0' }), anIntent({ member: 'm0', op: 'remove' })];

  test.each([
    ['a whole list with the member', membersOf(many(1)), 'so', 'not_so'],
    ['a whole list without', membersOf([]), 'not_so', 'so'],
    ['a doubtful list with the member', membersOf(many(100)), 'so', 'not_so'],
    ['a doubtful list without', membersOf(null), 'unknown', 'unknown'],
  ])('%s', (_, membership, ofAdd, ofRemove) => {
    expect([sightOf(add, membership), sightOf(remove, membership)]).toEqual([ofAdd, ofRemove]);
  });

  test('removals that no doubtful list shows are sent, apart from the rest', () => {
    const unseen = anIntent({ member: 'x', op: 'remove' });
    const doubtful = membersOf(many(100));
    const { noop, todo } = plan([add, remove, unseen], doubtful);
    expect([noop, todo]).toEqual([[add], [remove, unseen]]);
    expect(apart(todo, doubtful)).toEqual({ seen: [remove], unseen: [unseen] });
  });

  test('a member is found and named in the spelling of the target', () => {
    const membership = membersOf([{ value: UPPER }]);
    const [found, added] = [anIntent({ member: LOWER, op: 'remove' }), anIntent({ member: LOWER })];
    expect(sightOf(found, membership)).toBe('not_so');
    expect(spellingOf(found, membership)).toBe(UPPER);
    expect(plan([added], membership).noop).toEqual([added]);
    expect(patchBody([found], { snapshot: membership, publicApiUrl: 'https://api.example.com' }).Operations).toEqual([
      { op: 'remove', path: `members[value eq "${UPPER}"]` },
    ]);
  });
});
