/** Whatever the bytes: each format answers, and what it answers holds no id that cannot be one. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { idProblem, type SourceEvent, type SourceFormat } from '../../src/core/change/change.ts';
import { auth0 } from '../../src/formats/auth0.ts';
import { KEYCLOAK_TABLE } from '../../src/formats/debezium/row.ts';
import { entra } from '../../src/formats/entra/entra.ts';
import { google } from '../../src/formats/google.ts';
import { okta } from '../../src/formats/okta.ts';
import { isText } from '../../src/formats/reading/reading.ts';
import { sourceTopicFormat } from '../../src/formats/registry.ts';
import { scimEvents } from '../../src/formats/scim/events.ts';
import { withoutKeys } from '../../src/formats/scim/token-verifier.ts';
import { aRecord, aTextRecord } from '../support/formats.ts';

const PATCH = 'urn:ietf:params:scim:event:prov:patch:full';
const MEMBERS = [
  { value: 'u', type: 'User' },
  { value: 'g', type: 'Group' },
];
const target = (type: string, id: string) => ({
  id,
  type,
  modifiedProperties: [{ displayName: 'Group.ObjectID', oldValue: null, newValue: '"g"' }],
});

const FORMATS: readonly (readonly [SourceFormat, readonly unknown[]])[] = [
  [
    okta,
    ['group.user_membership.add', 'group.lifecycle.delete', 'app.user_management'].map((eventType) => ({
      data: {
        events: [
          {
            uuid: 'e',
            published: '2023-10-27T16:22:53.770Z',
            eventType,
            outcome: { result: 'SUCCESS' },
            displayMessage: 'Successfully deleted member of an app group',
            target: [target('User', 'u'), target('UserGroup', 'g')],
          },
        ],
      },
    })),
  ],
  [
    entra,
    [
      { value: [{ id: 'g', 'members@delta': [{ '@odata.type': '#microsoft.graph.user', id: 'u', '@removed': {} }] }] },
      {
        value: [
          { changeType: 'updated', resource: 'groups/g', resourceData: { id: 'g', 'members@delta': [{ id: 'u' }] } },
        ],
      },
      { value: [{ lifecycleEvent: 'missed', subscriptionId: 's' }] },
      ...['Add member to group', 'Delete group', 'Restore group'].map((activityDisplayName) => ({
        records: [
          {
            operationName: activityDisplayName,
            properties: {
              activityDisplayName,
              result: 'success',
              targetResources: [target('User', 'u'), target('Group', 'g')],
            },
          },
        ],
      })),
    ],
  ],
  [
    google,
    ['add_member', 'REMOVE_GROUP_MEMBER', 'delete_group', 'join'].map((name) => ({
      items: [
        {
          id: { time: '2026-01-09T10:00:00.000Z', uniqueQualifier: '1' },
          events: [
            {
              name,
              parameters: ['group_id', 'member_id', 'member_type', 'GROUP_EMAIL', 'USER_EMAIL'].map((name) => ({
                name,
                value: 'user',
              })),
            },
          ],
        },
      ],
    })),
  ],
  [
    auth0,
    ['group.member.added', 'group.deleted'].map((type) => ({
      specversion: '1.0',
      type,
      id: 'e',
      time: '2025-02-01T12:34:56Z',
      data: { object: { id: 'g', group: { id: 'g' }, member: { id: 'u', member_type: 'user' } } },
    })),
  ],
  [
    scimEvents(withoutKeys),
    [
      { op: 'add', path: 'members', value: MEMBERS },
      { op: 'remove', path: 'members[value eq "u"]' },
      { op: 'replace', value: { members: MEMBERS } },
    ].map((operation) => ({
      jti: 'j',
      iat: 1458505044,
      sub_id: { uri: '/Groups/g' },
      events: {
        [PATCH]: { data: { Operations: [operation] } },
        [PATCH.replace('patch', 'put')]: { data: { members: MEMBERS } },
        [PATCH.replace('patch:full', 'delete')]: {},
      },
    })),
  ],
];

const decode = (format: SourceFormat, value: unknown) => format.decode(aRecord(value), { partitionCount: 1 });

/** What a hostile or broken producer may put in the place of any value. */
const aSurprise = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(
    '',
    ' ',
    'a\u0000b',
    'x'.repeat(300),
    '\uD800',
    '"',
    '[',
    '"\\ud800"',
    '%',
    'members[value eq "',
  ),
  fc.constantFrom<unknown>(null, -1, 1e300, true, [], {}, [[]], [null], { toString: 1, valueOf: null }),
);

/** With the surprise in the place of one of the values within, counted from the root. */
function surprised(json: unknown, place: number, surprise: unknown): unknown {
  let left = place;
  const walk = (value: unknown): unknown => {
    left -= 1;
    if (left === -1) return surprise;
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, walk(part)]));
  };
  return walk(json);
}

const idsIn = (event: SourceEvent): readonly string[] => {
  switch (event.kind) {
    case 'delta':
      return [event.group, ...event.add, ...event.remove];
    case 'state':
      return [event.group, ...event.members];
    case 'hint':
    case 'invalid':
      return event.group === null ? [] : [event.group];
    case 'skip':
      return [];
  }
};

const isUnsound = (event: SourceEvent): boolean =>
  idsIn(event).some((id) => idProblem(id) !== null || !isText(id)) || ('message' in event && event.message.length < 20);

function expectSound(events: readonly SourceEvent[]): void {
  expect(events.length).toBeGreaterThan(0);
  expect(events.filter(isUnsound)).toEqual([]);
}

/** A compressed batch of a megabyte may hold a text of that length. */
const ENORMOUS = 20_000_000;

test.each<[string, (text: string) => string, string]>([
  ['a text that does not end', (text) => `"${text}`, 'x'],
  ['the column of a row', (text) => JSON.stringify({ group_id: 'g', user_id: text, __op: 'c' }), 'AAAA'],
  ['the class of a row', (text) => JSON.stringify({ group_id: 'g', user_id: 'u', type: text }), 'Ab'],
  ['the type of an event', (text) => JSON.stringify({ eventType: `a${text}`, target: [], userId: 'u' }), '.a'],
])('%s of tens of millions of characters is answered', (_, valueOf, part) => {
  const record = aTextRecord(valueOf(part.repeat(ENORMOUS / part.length)));
  const options = { debezium: KEYCLOAK_TABLE, mapping: null, verifier: withoutKeys };
  for (const name of ['native', 'auto', 'debezium'] as const) {
    const format = sourceTopicFormat(name, options);
    expect(format.prepare?.([record]) ?? null).toBeNull();
    expectSound(format.decode(record, { partitionCount: 1 }));
  }
});

describe.each(FORMATS.map(([format, values]) => [format.name, format, values] as const))('%s', (_, format, values) => {
  test('reads its own values as changes', () => {
    const kinds = values.flatMap((value) => decode(format, value).map(({ kind }) => kind));
    expect(kinds).toContain('delta');
    expect(kinds).toContain('state');
  });

  test('answers to any bytes', () => {
    const byte = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(byte, (value) =>
        expectSound(format.decode({ key: null, value, headers: [] }, { partitionCount: 1 })),
      ),
    );
  });

  test('answers to any JSON, and to its own values with a surprise in them', () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc
        .tuple(fc.constantFrom(...values), fc.nat(40), aSurprise)
        .map(([value, place, surprise]) => surprised(value, place, surprise)),
    );
    fc.assert(
      fc.property(value, (value) => expectSound(decode(format, value))),
      { numRuns: 2_000 },
    );
  });

  test('answers to what is nested too deep for a recursion, and to lists longer than a call has arguments', () => {
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    expectSound(format.decode(aTextRecord(deep), { partitionCount: 1 }));
    const many = Array.from({ length: 150_000 }, () => 1);
    const [value] = values;
    for (let place = 0; place < 16; place += 1) expectSound(decode(format, surprised(value, place, many)));
  });

  test('tells a record without JSON as the native format does', () => {
    const cut = aTextRecord('{"events":');
    expect(format.decode(cut, { partitionCount: 1 })).toMatchObject([{ kind: 'invalid', code: 'not_json' }]);
    const bytes = { ...cut, value: new Uint8Array([0x7b, 0xff, 0x7d]) };
    expect(format.decode(bytes, { partitionCount: 1 })).toMatchObject([{ kind: 'invalid', code: 'not_utf8' }]);
  });
});
