/** What real senders send, through the formats that the command reads it with. */
import { expect, test } from 'vitest';
import { withoutKeys } from '../../src/formats/scim/token-verifier.ts';
import { formatOfKind } from '../../src/ingest/webhook/intake.ts';
import type { KindName } from '../../src/ingest/webhook/kind.ts';
import { oktaHook } from '../support/okta-hook.ts';
import { anEndpoint, secrets } from '../support/webhook.ts';

const auth0Event = {
  specversion: '1.0',
  type: 'group.member.added',
  source: 'urn:auth0:example.auth0app.com',
  id: 'evt_1',
  time: '2025-02-01T12:34:56Z',
  data: {
    object: {
      group: { id: 'g', type: 'connection', connection_id: 'con_1' },
      member: { member_type: 'user', id: 'm' },
    },
  },
};

/** As github.com/p2-inc/keycloak-events sends it. */
const keycloakEvent = {
  uid: 'u1',
  id: 'e1',
  time: 1709326589567,
  realmId: 'realm',
  type: 'admin.GROUP_MEMBERSHIP-CREATE',
  authDetails: { realmId: 'master', userId: 'admin' },
  resourceType: 'GROUP_MEMBERSHIP',
  operationType: 'CREATE',
  resourcePath: 'users/m/groups/g',
  representation: null,
  details: {},
};

const scimEvent = {
  jti: 'j1',
  iat: 1458505044,
  iss: 'https://scim.example.com',
  aud: ['https://scim.example.com/Feeds/1'],
  sub_id: { format: 'scim', uri: '/Groups/g' },
  events: {
    'urn:ietf:params:scim:event:prov:patch:full': {
      data: {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
        Operations: [{ op: 'add', path: 'members', value: [{ value: 'm' }] }],
      },
    },
  },
};

const entraNotification = (more: object): object => ({
  value: [
    {
      id: 'n1',
      subscriptionId: 's1',
      clientState: secrets.entra,
      changeType: 'updated',
      resource: 'Groups/g',
      resourceData: { '@odata.type': '#Microsoft.Graph.Group', id: 'g', ...more },
    },
  ],
});

const formatOf = formatOfKind(withoutKeys);

test.for<readonly [kind: KindName, body: string]>([
  ['okta', oktaHook({ group: 'g', member: 'm', op: 'add', id: 'e1' })],
  ['auth0', JSON.stringify(auth0Event)],
  ['keycloak', JSON.stringify(keycloakEvent)],
  ['entra', JSON.stringify(entraNotification({ 'members@delta': [{ id: 'm' }] }))],
  ['scim', JSON.stringify(scimEvent)],
])(
  'webhook: what %s sends adds the member to the group, and a repetition of it is written once',
  async ([kind, body]) => {
    const endpoint = await anEndpoint({ format: formatOf(kind) });
    for (let time = 0; time < 2; time += 1) expect((await endpoint.post(kind, body)).ok).toBe(true);
    expect(endpoint.written('dead-letter').map((letter) => letter.header('rollcall-error-message'))).toEqual([]);
    const [record, ...others] = endpoint.written('source');
    expect(record?.key).toBe('g');
    expect(JSON.parse(record?.value ?? '')).toMatchObject({ group_id: 'g', add_members: ['m'], remove_members: [] });
    expect(others).toEqual([]);
  },
);

test('webhook: a notification of Graph that does not say what has changed is a dead letter with advice', async () => {
  const endpoint = await anEndpoint({ format: formatOf('entra') });
  expect((await endpoint.post('entra', JSON.stringify(entraNotification({})))).status).toBe(202);
  expect(endpoint.written('source')).toEqual([]);
  const [letter] = endpoint.written('dead-letter');
  expect(letter?.key).toBe('g');
  expect(letter?.header('rollcall-error-code')).toBe('change_without_detail');
  expect(letter?.value).not.toContain(secrets.entra);
});

test('webhook: a signed token without a key set is refused with a code of RFC 8935', async () => {
  const endpoint = await anEndpoint({ format: formatOf('scim') });
  const token = ['{"alg":"RS256","typ":"secevent+jwt"}', '{"jti":"1"}', 'signature']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.');
  const response = await endpoint.post('scim', token);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ err: 'invalid_key' });
});
