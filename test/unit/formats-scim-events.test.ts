import { describe, expect, test } from 'vitest';
import { scimEvents } from '../../src/formats/scim/events.ts';
import { refusedToken, type TokenVerdict, withoutKeys } from '../../src/formats/scim/token-verifier.ts';
import { aDelta, aRecord, aSkip, aState, aTextRecord, decodeWith } from '../support/formats.ts';

const decode = decodeWith(scimEvents(withoutKeys));

const GROUP = '176f397ec4c44b94b2cfcb759780b8c2';
const HEADER = { group: GROUP, eventId: '6164f3bbf6ff41a88dc94f18cb0620e8', occurredAt: '2016-03-20T20:17:24.000Z' };
const PREFIX = 'urn:ietf:params:scim:event:';

const someClaims = (events: unknown, parts: object = {}) => ({
  jti: '6164f3bbf6ff41a88dc94f18cb0620e8',
  iat: 1458505044,
  iss: 'https://scim.example.com',
  aud: ['https://scim.example.com/Feeds/98d52461fa5bbc879593b7754'],
  sub_id: { format: 'scim', uri: `/Groups/${GROUP}`, externalId: 'crmUsers' },
  events,
  ...parts,
});
const anEvent = (name: string, event: object = {}) => someClaims({ [`${PREFIX}${name}`]: event });
const aPatch = (...Operations: object[]) =>
  anEvent('prov:patch:full', {
    data: { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations },
  });
const member = (value: string, parts: object = {}) => ({ value, ...parts });

describe('a PATCH', () => {
  test.each([
    ['adds', [{ op: 'add', path: 'members', value: [member('a', { $ref: '/Users/a' })] }], { add: ['a'] }],
    ['adds one without a list', [{ op: 'add', path: 'members', value: member('a') }], { add: ['a'] }],
    ['adds without a path', [{ op: 'add', value: { displayName: 'x', Members: [member('a')] } }], { add: ['a'] }],
    ['adds as Entra does', [{ op: 'Add', path: 'members', value: [member('a')] }], { add: ['a'] }],
    ['removes by a filter', [{ op: 'remove', path: 'members[value eq "a"]' }], { remove: ['a'] }],
    [
      'removes by a filter for several',
      [{ op: 'remove', path: 'members[value eq "a" or value EQ "b\\"c"]' }],
      { remove: ['a', 'b"c'] },
    ],
    [
      'removes as Entra does',
      [{ op: 'Remove', path: 'members', value: [member('a'), member('b')] }],
      { remove: ['a', 'b'] },
    ],
    [
      'may write the path in full',
      [{ op: 'remove', path: 'urn:ietf:params:scim:schemas:core:2.0:Group:members[value eq "a"]' }],
      { remove: ['a'] },
    ],
    [
      'happens in its order',
      [
        { op: 'remove', path: 'members[value eq "a"]' },
        { op: 'add', path: 'members', value: [member('a'), member('b')] },
        { op: 'remove', path: 'members[value eq "b"]' },
      ],
      { add: ['a'], remove: ['b'] },
    ],
  ])('%s', (_, operations, expected) => {
    expect(decode(aPatch(...operations))).toEqual([aDelta({ ...HEADER, ...expected })]);
  });

  test.each([
    ['replaces all members', [{ op: 'replace', path: 'members', value: [member('a')] }], ['a']],
    ['replaces them without a path', [{ op: 'replace', value: { members: [member('a')] } }], ['a']],
    ['removes all members', [{ op: 'remove', path: 'members' }], []],
    [
      'goes on after that',
      [
        { op: 'remove', path: 'members' },
        { op: 'add', path: 'members', value: [member('a'), member('b')] },
        { op: 'remove', path: 'members[value eq "b"]' },
      ],
      ['a'],
    ],
  ])('that %s is a full state', (_, operations, members) => {
    expect(decode(aPatch(...operations))).toEqual([aState({ ...HEADER, members })]);
  });

  test('of other attributes changes no membership', () => {
    const operations = [
      { op: 'replace', path: 'displayName', value: 'x' },
      { op: 'replace', value: { displayName: 'x' } },
      { op: 'replace', path: 'members[value eq "a"].display', value: 'x' },
      { op: 'add', path: 'membersOfHonour', value: 'x' },
    ];
    expect(decode(aPatch(...operations))).toEqual([aSkip('not_a_membership_change')]);
  });

  test.each([{ type: 'Group' }, { $ref: 'https://scim.example.com/v2/Groups/g2' }, { type: 'Device' }])(
    'refuses a member by its type: %j',
    (parts) => {
      expect(
        decode(aPatch({ op: 'add', path: 'members', value: [member('g2', parts), member('a', { type: 'User' })] })),
      ).toMatchObject([
        { kind: 'delta', add: ['a'] },
        { kind: 'invalid', code: 'member_type', group: GROUP },
      ]);
      expect(decode(aPatch({ op: 'add', path: 'members', value: [member('g2', parts)] }))).toMatchObject([
        { kind: 'invalid', code: 'member_type', group: GROUP },
      ]);
    },
  );

  test.each([
    { op: 'remove' },
    { op: 'move', path: 'members' },
    { op: 'remove', path: 'members', value: [] },
    { op: 'remove', path: 'members[display eq "a"]' },
    { op: 'remove', path: 'members[value eq "a" and type eq "User"]' },
    { op: 'remove', path: 'members[value eq a]' },
    { op: 'remove', path: 'members[]' },
    { op: 'remove', path: 'members.value' },
    { op: 'add', path: 'members[value eq "a"]', value: member('b') },
    { op: 'add', path: 'members', value: 7 },
    { op: 'replace', path: 'members', value: null },
  ])('that can be read in two ways is invalid: %j', (operation) => {
    expect(decode(aPatch(operation))).toMatchObject([{ kind: 'invalid', code: 'schema', group: GROUP }]);
  });

  test('with a member without an id is invalid', () => {
    expect(decode(aPatch({ op: 'add', path: 'members', value: [{ display: 'x' }] }))).toMatchObject([
      { kind: 'invalid', code: 'empty_id' },
    ]);
  });

  test('may refuse more members than a call has arguments', () => {
    const value = Array.from({ length: 150_000 }, () => member('g', { type: 'Group' }));
    expect(decode(aPatch({ op: 'add', path: 'members', value }))).toMatchObject([{ code: 'member_type' }]);
  });

  test('without operations is invalid', () => {
    expect(decode(anEvent('prov:patch:full', { data: {} }))).toMatchObject([{ kind: 'invalid', code: 'schema' }]);
  });
});

describe('a whole resource', () => {
  test.each(['prov:put:full', 'prov:create:full'])('is the full state of its members: %s', (name) => {
    const data = { displayName: 'x', members: [member('a'), member('g', { type: 'Group' })] };
    expect(decode(anEvent(name, { data }))).toMatchObject([
      aState({ ...HEADER, members: ['a'] }),
      { kind: 'invalid', code: 'member_type' },
    ]);
    expect(decode(anEvent(name, { data: { members: [] } }))).toEqual([aState({ ...HEADER, members: [] })]);
    expect(decode(anEvent(name, { data: { members: null } }))).toMatchObject([{ kind: 'invalid', code: 'schema' }]);
  });

  test('without members says nothing of a new group, and too little of an old one', () => {
    expect(decode(anEvent('prov:create:full', { data: { displayName: 'x' } }))).toEqual([
      aSkip('not_a_membership_change'),
    ]);
    expect(decode(anEvent('prov:put:full', { data: { displayName: 'x' } }))).toMatchObject([
      { kind: 'hint', code: 'members_missing', group: GROUP },
    ]);
  });
});

describe('other events of a group', () => {
  test('prov:delete is the deleted group', () => {
    expect(decode(anEvent('prov:delete'))).toEqual([aState({ ...HEADER, deleted: true })]);
  });

  test.each(['prov:patch:notice', 'prov:put:notice', 'prov:create:notice'])(
    '%s is a hint where it is about members',
    (name) => {
      for (const attributes of [['displayName', 'members'], ['Members.value'], undefined])
        expect(decode(anEvent(name, { attributes }))).toMatchObject([
          { kind: 'hint', code: 'change_without_detail', group: GROUP },
        ]);
      expect(decode(anEvent(name, { attributes: ['displayName'] }))).toEqual([aSkip('not_a_membership_change')]);
    },
  );

  test('joining or leaving the feed is a hint, and never a deletion', () => {
    expect(decode(anEvent('feed:add'))).toMatchObject([{ kind: 'hint', code: 'feed_added', group: GROUP }]);
    expect(decode(anEvent('feed:remove'))).toMatchObject([{ kind: 'hint', code: 'feed_removed', group: GROUP }]);
  });

  test.each(['prov:activate', 'prov:deactivate', 'misc:asyncresp'])('%s changes no membership', (name) => {
    expect(decode(anEvent(name))).toEqual([aSkip('not_a_membership_change')]);
  });

  // SSF, its profiles CAEP and RISC, and others share streams with SCIM; their subjects are of other formats.
  test.each([
    'https://schemas.openid.net/secevent/ssf/event-type/verification',
    'https://schemas.openid.net/secevent/ssf/event-type/stream-updated',
    'https://schemas.openid.net/secevent/caep/event-type/session-revoked',
    'https://schemas.openid.net/secevent/caep/event-type/token-claims-change',
    'https://schemas.openid.net/secevent/risc/event-type/account-disabled',
    'https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked',
    'http://schemas.openid.net/event/backchannel-logout',
    'https://schemas.okta.com/secevent/okta/event-type/user-risk-change',
  ])('of another profile are skipped, whatever their subject: %s', (uri) => {
    for (const sub_id of [undefined, { format: 'opaque', id: 'stream-1' }, { format: 'scim', uri: `/Groups/${GROUP}` }])
      expect(decode(someClaims({ [uri]: {} }, { sub_id }))).toEqual([aSkip('not_a_membership_change')]);
  });

  test.each([
    `${PREFIX}prov:patch`,
    `${PREFIX}prov:patch:partial`,
    `${PREFIX}feed:merge`,
    'urn:ietf:params:scim:events:prov:delete',
    'https://schemas.openid.net/secevent/other/event-type/x',
    'https://example.com/events/member-removed',
    '',
  ])('that are not known are hints, never silence: %s', (uri) => {
    const deletion = { [uri]: {}, [`${PREFIX}prov:delete`]: {} };
    for (const events of [{ [uri]: { data: { Operations: [] } } }, deletion])
      for (const sub_id of [{ uri: `/Groups/${GROUP}` }, { uri: '/Users/u' }, undefined])
        expect(decode(someClaims(events, { sub_id }))).toMatchObject([{ kind: 'hint', code: 'unknown_event_type' }]);
  });

  test('of another resource are skipped where it is known', () => {
    const deletion = { [`${PREFIX}prov:delete`]: {} };
    for (const uri of ['/Users/u', 'https://scim.example.com/v2/Users/u', '/Devices/d'])
      expect(decode(someClaims(deletion, { sub_id: { uri } }))).toEqual([aSkip('not_a_membership_change')]);
    expect(decode(someClaims(deletion, { sub_id: { uri: '/Teams/t' } }))).toMatchObject([
      { kind: 'hint', code: 'unknown_resource_type' },
    ]);
  });

  test('beside a full event say nothing new', () => {
    const events = {
      [`${PREFIX}feed:add`]: {},
      [`${PREFIX}prov:create:full`]: { data: { members: [member('a')] } },
      [`${PREFIX}prov:create:notice`]: { attributes: ['members'] },
      'https://schemas.openid.net/secevent/ssf/event-type/verification': {},
    };
    expect(decode(someClaims(events))).toEqual([
      aSkip('told_in_full'),
      aState({ ...HEADER, members: ['a'] }),
      aSkip('told_in_full'),
      aSkip('not_a_membership_change'),
    ]);
  });

  test.each(['urn:ietf:params:SCIM:event:prov:delete', 'urn:ietf:params:event:SCIM:prov:delete'])(
    'have been spelled otherwise in drafts: %s',
    (uri) => {
      expect(decode(someClaims({ [uri]: {} }))).toMatchObject([{ kind: 'state', deleted: true }]);
    },
  );
});

describe('the claims', () => {
  const deletion = { [`${PREFIX}prov:delete`]: {} };

  test('name the transaction before the token, and its time before the time of issue', () => {
    expect(decode(someClaims(deletion, { txn: 't', toe: 1458505000.5 }))).toMatchObject([
      { eventId: 't', occurredAt: '2016-03-20T20:16:40.500Z' },
    ]);
    expect(decode(someClaims(deletion, { iat: 1e300 }))).toMatchObject([{ kind: 'state', occurredAt: null }]);
  });

  test.each([
    [`https://scim.example.com/v2/Groups/${GROUP}`, GROUP],
    [`Groups/${GROUP}/`, GROUP],
    ['/Groups/a%2Fb', 'a/b'],
  ])('name the group in %s', (uri, group) => {
    expect(decode(someClaims(deletion, { sub_id: { format: 'scim', uri } }))).toMatchObject([{ kind: 'state', group }]);
  });

  test('of another resource change no group: a deleted user is no deleted group', () => {
    expect(decode(someClaims(deletion, { sub_id: { format: 'scim', uri: '/Users/u' } }))).toEqual([
      aSkip('not_a_membership_change'),
    ]);
  });

  test.each([
    { sub_id: null },
    { sub_id: { uri: 'x' } },
    { sub_id: { uri: '/Groups/%ff' } },
    { events: null },
    { events: [] },
  ])('are invalid without what they are about: %j', (parts) => {
    expect(decode(someClaims(deletion, parts))).toMatchObject([{ kind: 'invalid', code: 'schema' }]);
  });

  test.each([[[]], [3], [null], ['text']])('must be an object: %j', (value) => {
    expect(decode(value)).toMatchObject([{ kind: 'invalid', code: 'schema' }]);
  });
});

describe('a signed token', () => {
  const TOKEN = 'eyJhbGciOiJFUzI1NiJ9.e30.c2ln';
  const deletion = someClaims({ [`${PREFIX}prov:delete`]: {} });
  const deleted = aState({ ...HEADER, deleted: true });
  const verifier = (verdict: TokenVerdict) => {
    const asked: string[] = [];
    return {
      hasKeys: true,
      asked,
      verify: (token: string) => {
        asked.push(token);
        return Promise.resolve(verdict);
      },
    };
  };
  const verified = () => verifier({ kind: 'verified', claims: deletion });
  const ways = [
    ['alone', TOKEN],
    ['with white space around it', ` ${TOKEN}\n`],
    ['as a text of JSON', JSON.stringify(TOKEN)],
    ['in the answer to a poll', JSON.stringify({ sets: { j1: TOKEN }, moreAvailable: false })],
  ] as const;

  test.each(ways)('is verified before it is decoded: %s', async (_, text) => {
    const format = scimEvents(verified());
    const record = aTextRecord(text);
    await format.prepare?.([record]);
    expect(format.decode(record, { partitionCount: 1 })).toEqual([deleted]);
    // A layer around the format may look twice.
    expect(format.decode(record, { partitionCount: 1 })).toEqual([deleted]);
  });

  test.each(ways)('that is not verified is not believed: %s', (_, text) => {
    expect(scimEvents(verified()).decode(aTextRecord(text), { partitionCount: 1 })).toMatchObject([
      { kind: 'invalid', code: 'token_unverified' },
    ]);
  });

  test('that is refused is invalid, with the code of its refusal', async () => {
    const format = scimEvents(verifier(refusedToken('token_signature', 'No.')));
    await format.prepare?.([aTextRecord(TOKEN)]);
    expect(format.decode(aTextRecord(TOKEN), { partitionCount: 1 })).toMatchObject([
      { kind: 'invalid', code: 'token_signature', message: 'No.' },
    ]);
  });

  test('is verified once for a batch, and several of an answer count one by one', async () => {
    const keys = verified();
    const format = scimEvents(keys);
    const answer = aTextRecord(JSON.stringify({ sets: { j1: TOKEN, j2: `${TOKEN}x` } }));
    await format.prepare?.([answer, aTextRecord(TOKEN)]);
    expect(keys.asked).toEqual([TOKEN, `${TOKEN}x`]);
    expect(format.decode(answer, { partitionCount: 1 })).toEqual([deleted, deleted]);
  });

  test('keeps its verdict while others of its batch are decoded, however large they are', async () => {
    const keys = verified();
    const format = scimEvents(keys);
    const known = aTextRecord(TOKEN);
    const large = aTextRecord(`${TOKEN}${'x'.repeat(5_000_000)}`);
    await format.prepare?.([known]);
    expect(format.decode(known, { partitionCount: 1 })).toEqual([deleted]);
    await format.prepare?.([large, known]);
    expect(format.prepare?.([large, known])).toBeNull();
    expect(format.decode(large, { partitionCount: 1 })).toEqual([deleted]);
    expect(format.decode(known, { partitionCount: 1 })).toEqual([deleted]);
    expect(keys.asked).toHaveLength(2);
  });

  test('may have been taken out of an envelope already', async () => {
    const format = scimEvents(verified());
    const record = { ...aTextRecord('{"data":"…"}'), read: { ok: true, json: TOKEN } };
    await format.prepare?.([record]);
    expect(format.decode(record, { partitionCount: 1 })).toEqual([deleted]);
  });

  test('cannot be verified without keys', async () => {
    const format = scimEvents(withoutKeys);
    await format.prepare?.([aTextRecord(TOKEN)]);
    expect(format.decode(aTextRecord(TOKEN), { partitionCount: 1 })).toMatchObject([{ code: 'token_no_keys' }]);
  });

  test('whose verifier breaks its word is not believed, and nothing rejects', async () => {
    const format = scimEvents({ hasKeys: true, verify: () => Promise.reject(new Error('no')) });
    await expect(format.prepare?.([aTextRecord(TOKEN)])).resolves.toBeUndefined();
    expect(format.decode(aTextRecord(TOKEN), { partitionCount: 1 })).toMatchObject([{ code: 'token_unverified' }]);
  });

  test('is asked for where there are keys: claims without a signature could come from anybody', () => {
    const format = scimEvents(verified());
    expect(format.prepare?.([aRecord(deletion)])).toBeNull();
    expect(format.decode(aRecord(deletion), { partitionCount: 1 })).toMatchObject([
      { kind: 'invalid', code: 'token_unsigned', group: null },
    ]);
  });

  test('is no matter of records without any', () => {
    const tombstone = { key: null, value: null, headers: [] };
    const format = scimEvents(verified());
    expect(format.prepare?.([tombstone, aRecord(deletion), aTextRecord('not json')])).toBeNull();
    expect(format.decode(tombstone, { partitionCount: 1 })).toEqual([aSkip('tombstone')]);
  });
});
