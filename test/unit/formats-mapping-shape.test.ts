/** Values in which a mapping can find nothing: loud, since else they would be skipped for ever. */
import { describe, expect, test } from 'vitest';
import { readMapping } from '../../src/formats/mapping/file.ts';
import { mappingFormat } from '../../src/formats/mapping/mapping.ts';
import { aRecord, added, groupDeleted, invalidWith } from '../support/source-records.ts';

function decode(mapping: object, value: unknown, headers: Record<string, string> = {}) {
  const read = readMapping({ version: 1, ...mapping });
  if (!read.ok) throw new Error(read.problems.join('\n'));
  return mappingFormat(read.mapping).decode(aRecord(value, { headers }), { partitionCount: 3 });
}

const shapeInvalid = (message: RegExp) =>
  expect.objectContaining({ ...invalidWith('schema'), message: expect.stringMatching(message) });
const notMapped = { kind: 'skip', reason: 'not_mapped' };

const change = { type: 'member', team: 't', user: 'a' };
const ids = { group: '@.team', members: '@.user' };
const ofMembers = { ...ids, if_record: [{ path: '$.type', equals: 'member' }], operation: { always: 'add' } };
const twice = (value: unknown) => JSON.stringify(JSON.stringify(value));

describe('a value that is no object', () => {
  test('is invalid, with its cause, where a condition would skip it', () => {
    expect(decode(ofMembers, change)).toEqual([added('t', ['a'])]);
    expect(decode(ofMembers, twice(change))).toEqual([shapeInvalid(/serialized twice/)]);
    expect(decode(ofMembers, [change])).toEqual([shapeInvalid(/a JSON list.*`events`/)]);
    for (const value of ['5', '"text"']) expect(decode(ofMembers, value)).toEqual([shapeInvalid(/no JSON object/)]);
  });

  test('is skipped where it is null, as a converter writes a tombstone', () => {
    expect(decode(ofMembers, 'null')).toEqual([notMapped]);
  });

  test('is invalid where its operation would be ignored', () => {
    const path = { ...ids, operation: { path: '@.type', values: { member: 'add' }, otherwise: 'ignore' } };
    const operations = { ...ids, operations: [{ operation: 'ignore' }] };
    expect(decode(path, [change])).toEqual([shapeInvalid(/a JSON list/)]);
    expect(decode(path, twice(change))).toEqual([shapeInvalid(/serialized twice/)]);
    expect(decode(operations, [change])).toEqual([shapeInvalid(/a JSON list/)]);
  });

  test('is skipped where a header says that it is something else', () => {
    const mapping = { ...ofMembers, if_record: [...ofMembers.if_record, { path: 'headers.kind', equals: 'team' }] };
    expect(decode(mapping, [change], { kind: 'order' })).toEqual([notMapped]);
    expect(decode(mapping, twice(change))).toEqual([notMapped]);
    expect(decode(mapping, [change], { kind: 'team' })).toEqual([shapeInvalid(/a JSON list/)]);
  });

  test('is read where a path goes on by a place, or takes the whole', () => {
    const list = { group: 'headers.team', members: '$[*]', operation: { always: 'state' } };
    expect(decode(list, ['a', 'b'], { team: 't' })).toEqual([
      { ...groupDeleted('t'), members: ['a', 'b'], deleted: false },
    ]);
    const first = { ...ids, if_record: [{ path: '$[0].type', equals: 'member' }], operation: { always: 'add' } };
    expect(decode(first, { ...change })).toEqual([notMapped]);
    expect(decode({ group: 'headers.team', members: '$', operation: { always: 'add' } }, '5', { team: 't' })).toEqual([
      added('t', ['5']),
    ]);
  });
});

test('an event that is no object is invalid, and the others are read', () => {
  const mapping = { ...ids, events: '$.events[*]', if_event: [{ path: '@.type', equals: 'member' }] };
  const events = [change, JSON.stringify(change), [change], null, { type: 'order' }];
  expect(decode({ ...mapping, operation: { always: 'add' } }, { events })).toEqual([
    added('t', ['a']),
    shapeInvalid(/serialized twice/),
    shapeInvalid(/an event, which is a JSON list/),
    shapeInvalid(/an event, which is no JSON object/),
    notMapped,
  ]);
});

test('an entry of members that is no object is invalid, and not left out', () => {
  const members = { path: '@.people[*]', if: [{ path: 'entry.kind', equals: 'user' }], id: 'entry.id' };
  const mapping = { group: '@.team', members, operation: { always: 'state' } };
  const person = { kind: 'user', id: 'a' };
  for (const entry of [JSON.stringify(person), [person], null])
    expect(decode(mapping, { team: 't', people: [entry] })).toEqual([
      expect.objectContaining({ ...invalidWith('schema'), group: 't' }),
    ]);
  expect(decode(mapping, { team: 't', people: [person, { kind: 'team' }] })).toEqual([
    { ...groupDeleted('t'), members: ['a'], deleted: false },
  ]);
});

test('a mapping that names `__proto__` is refused', () => {
  const text =
    '{"version":1,"group":"$.g","members":"$.m","operation":{"path":"$.o","values":{"a":"add","__proto__":"remove"}}}';
  const read = readMapping(JSON.parse(text));
  expect(read.ok ? [] : read.problems).toEqual(['`operation.values.__proto__` is a name that cannot be mapped']);
});
