/** What `decode` must say of each sample, written down by hand from its `expect`. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { decodeFile } from '../../src/commands/decode.ts';
import type { DecodedLine } from '../../src/commands/decode.ts';
import type { FormatName } from '../../src/formats/registry.ts';
import { aContext } from '../support/command-context.ts';

const folder = fileURLToPath(new URL('../support/samples/', import.meta.url));

const GROUP = '71c03dec-6d6a-4adb-a205-6b53021a445f';
const USER = '58bccc5e-abff-4a01-a7be-fb8d3895ce52';
const AZURE_GROUP = '234524-9d48-23454235-23454-234523452345';
const AZURE_USER = '0960048c-4887-42d6-aefd-d5559295f11b';
const SCIM_GROUP = '176f397ec4c44b94b2cfcb759780b8c2';

const change = (group: string, parts: object = {}) => ({
  group,
  add: [],
  remove: [],
  members: [],
  complete: false,
  deleted: false,
  ...parts,
});
const add = (group: string, member: string) => ({ kind: 'delta', changes: [change(group, { add: [member] })] });
const remove = (group: string, member: string) => ({ kind: 'delta', changes: [change(group, { remove: [member] })] });
const deleted = (group: string) => ({ kind: 'state', changes: [change(group, { complete: true, deleted: true })] });
const skip = (reason: string) => ({ kind: 'skip', changes: [], reason });
const hint = (code: string) => ({ kind: 'hint', changes: [], code });
const invalid = (code: string) => ({ kind: 'invalid', changes: [], code });

type Case = readonly [sample: string, format: FormatName, expected: object, environment?: Record<string, string>];

const cases: readonly Case[] = [
  ['auth0-01-group-member-added', 'auth0', add('grp_abc123', 'auth0|507f1f77bcf86cd799439020')],
  ['auth0-02-group-role-assigned', 'auth0', skip('not_a_membership_change')],
  ['auth0-03-webhook-without-envelope', 'auth0', invalid('schema')],
  ['cloudevents-01-binary', 'cloudevents', add(GROUP, USER)],
  ['cloudevents-02-structured', 'cloudevents', remove(GROUP, USER)],
  ['debezium-61-goldengate-row-delete', 'debezium', invalid('row_unmarked')],
  ['debezium-62-goldengate-operation-delete', 'debezium', invalid('schema')],
  ['debezium-63-estuary-delete', 'debezium', invalid('row_unmarked')],
  ['debezium-64-matrix-ban', 'debezium', invalid('row_marked'), { DEBEZIUM_GROUP_COLUMN: 'room_id' }],
  [
    'debezium-64-matrix-ban',
    'debezium',
    skip('not_a_member_row'),
    { DEBEZIUM_GROUP_COLUMN: 'room_id', DEBEZIUM_MEMBER_WHERE: 'membership=join' },
  ],
  ['keycloak-15-group-bridge-without-path', 'keycloak', invalid('resource_path')],
  ['keycloak-16-webhook-by-django', 'keycloak', remove('gid-1', 'kc-sub-1')],
  ['debezium-01-create-schemaless', 'debezium', add(GROUP, USER)],
  ['debezium-04-tombstone', 'debezium', skip('tombstone')],
  ['debezium-05-tombstone-keyed-by-group', 'debezium', skip('tombstone')],
  [
    'debezium-05-tombstone-keyed-by-group',
    'debezium',
    invalid('delete_unreadable'),
    { DEBEZIUM_DELETES: 'tombstones' },
  ],
  ['debezium-06-update-not-a-membership-change', 'debezium', skip('not_a_membership_change')],
  ['debezium-08-truncate', 'debezium', hint('truncate')],
  ['debezium-11-unwrapped-create', 'debezium', add(GROUP, USER)],
  ['debezium-12-unwrapped-delete-rewrite', 'debezium', remove(GROUP, USER)],
  ['debezium-13-unwrapped-delete-as-tombstone', 'debezium', remove(GROUP, USER), { DEBEZIUM_DELETES: 'tombstones' }],
  ['debezium-14-outbox-escaped-string', 'debezium', add(GROUP, USER)],
  ['debezium-16-cloudevents-verbatim', 'debezium', invalid('columns_missing')],
  [
    'debezium-16-cloudevents-verbatim',
    'debezium',
    add('Bob', '1'),
    { DEBEZIUM_GROUP_COLUMN: 'name', DEBEZIUM_MEMBER_COLUMN: 'pk' },
  ],
  ['debezium-20-sqlserver-delete', 'debezium', remove(GROUP, USER), { DEBEZIUM_TABLE: 'dbo.Group_Members' }],
  [
    'debezium-21-oracle-number-ids',
    'debezium',
    add('74', '1005'),
    { DEBEZIUM_GROUP_COLUMN: 'GROUP_ID', DEBEZIUM_MEMBER_COLUMN: 'USER_ID', DEBEZIUM_TABLE: 'debezium.members' },
  ],
  ['debezium-22-mongodb-delete', 'debezium', invalid('mongodb_envelope')],
  ['debezium-23-mongodb-patch', 'debezium', invalid('mongodb_envelope')],
  ['debezium-24-cloudevent-mongodb', 'debezium', invalid('columns_missing')],
  ['debezium-25-cloudevent-avro', 'debezium', invalid('schema_registry')],
  ['debezium-26-outbox-without-type', 'debezium', invalid('schema')],
  ['debezium-27-outbox-raw-row', 'debezium', invalid('columns_missing')],
  ['debezium-28-flattened-rewrite-table-lsn', 'debezium', remove(GROUP, USER)],
  ['debezium-29-flattened-status', 'debezium', invalid('row_marked')],
  ['debezium-30-notification', 'debezium', skip('notification')],
  ['debezium-31-schema-change', 'debezium', skip('schema_change')],
  ['debezium-32-transaction-begin', 'debezium', skip('transaction')],
  ['debezium-33-cassandra', 'debezium', invalid('schema')],
  ['debezium-34-cockroachdb-status', 'debezium', invalid('row_marked')],
  ['debezium-34-cockroachdb-status', 'debezium', skip('not_a_member_row'), { DEBEZIUM_MEMBER_WHERE: 'status=active' }],
  ['debezium-35-vitess-transaction', 'debezium', add(GROUP, USER)],
  ['debezium-51-outbox-member-changed', 'debezium', hint('unclear_member_event')],
  ['debezium-52-outbox-command-with-reply', 'debezium', hint('unclear_member_event')],
  ['debezium-53-outbox-member-of-a-chat', 'debezium', invalid('schema')],
  ['debezium-54-outbox-member-kicked', 'debezium', hint('unclear_member_event')],
  ['debezium-55-outbox-group-by-path', 'debezium', invalid('schema')],
  ['debezium-56-outbox-member-removed-of-chat', 'debezium', invalid('schema')],
  ['debezium-57-gitlab-user-removed', 'debezium', remove('100', '64')],
  ['debezium-58-gitlab-user-updated', 'debezium', hint('unclear_member_event')],
  [
    'entra-01-graph-delta-page',
    'entra',
    {
      kind: 'delta',
      changes: [
        change('2e5807ce-58f3-4a94-9b37-ffff2e085957', {
          add: ['37de1ae3-408f-4702-8636-20824abda004'],
          remove: ['632f6bb2-3ec8-4c1f-9073-0027a8c6859'],
        }),
      ],
    },
  ],
  ['entra-03-graph-delta-group-deleted', 'entra', deleted('c2f798fd-f95d-4623-8824-63aec21fffff')],
  ['entra-04-change-notification-real', 'entra', hint('change_without_detail')],
  ['entra-06-audit-docs', 'entra', add('ef7e527d-6c92-4234-8c6d-cf6fdfb57f95', '1f0e98f5-3161-4c6b-9b50-d488572f2bb7')],
  [
    'entra-09-eventhub-records-batch',
    'entra',
    {
      kind: 'delta',
      changes: [change(AZURE_GROUP, { add: [AZURE_USER] }), change(AZURE_GROUP, { remove: [AZURE_USER] })],
    },
  ],
  ['entra-10-eventhub-other-activity', 'entra', skip('not_a_membership_change')],
  ['entra-11-eventhub-role-failure', 'entra', skip('not_a_membership_change')],
  [
    'entra-12-notification-members-delta',
    'entra',
    {
      kind: 'delta',
      changes: [
        change('0bc7d487-fd6f-41a0-8362-71ec81074f11', {
          add: ['4d147cc8-10cb-4158-ac52-90ee8ff9d846'],
          remove: ['4d147cc8-10cb-4158-ac52-90ee8ff9d846'],
        }),
      ],
    },
  ],
  ['entra-13-directory-roles-delta', 'entra', skip('not_a_membership_change')],
  ['entra-14-directory-role-alone', 'entra', skip('not_a_membership_change')],
  [
    'entra-15-group-delta-nested-groups',
    'entra',
    {
      kind: 'delta',
      changes: [
        change('8a07f5a8-edc9-4847-bbf2-dde106594bf4', {
          add: ['b66ecf79-a093-4d51-86e0-efcc4531f37a', '5bde3e51-d13b-4db1-9948-fe4b109d11a7'],
        }),
      ],
      reason: expect.stringContaining('#microsoft.graph.group'),
    },
  ],
  [
    'entra-16-audit-beta-types',
    'entra',
    add('ef7x527d-6x92-42x4-8x6d-cfxfdfx57f95', '1f0ex8f5-3x61-4x6b-9x50-d4xx572f2bb7'),
  ],
  ['entra-17-audit-without-targets', 'entra', invalid('schema')],
  ['entra-18-audit-target-without-type', 'entra', invalid('target_missing')],
  ['entra-19-event-grid-group-updated', 'entra', hint('change_without_detail')],
  ['entra-20-event-grid-group-deleted', 'entra', deleted('<group-id>')],
  ['entra-21-lifecycle-missed', 'entra', hint('notifications_missed')],
  ['entra-22-eventhub-sign-in', 'entra', skip('not_a_membership_change')],
  ['entra-23-eventhub-conditional-access', 'entra', skip('not_a_membership_change')],
  ['google-01-groups-enterprise-add-member', 'google', add('sales@example.com', 'luca@example.com')],
  ['google-02-cloud-audit-add-group-member', 'google', add('admins@example.com', 'test-user@example.com')],
  ['google-03-groups-approve-join-request', 'google', add('group@example.com', 'user@example.com')],
  ['google-04-groups-acl-change', 'google', skip('not_a_membership_change')],
  ['google-05-groups-accept-invitation', 'google', hint('change_without_detail')],
  ['google-06-flattened-by-a-forwarder', 'google', invalid('schema')],
  ['google-07-push-remove-group-member', 'google', remove('gcp-sce@esodemoapp2.com', 'user1@esodemoapp2.com')],
  ['keycloak-01-admin-event-create-real', 'keycloak', add(GROUP, USER)],
  ['keycloak-02-admin-event-delete', 'keycloak', remove(GROUP, USER)],
  ['keycloak-04-admin-event-group-delete', 'keycloak', deleted(GROUP)],
  ['keycloak-06-wrong-resource-path', 'keycloak', invalid('resource_path')],
  ['keycloak-07-webhook-metadata-only', 'keycloak', add('group-id', 'user-id')],
  ['keycloak-08-event-hook-admin', 'keycloak', remove(GROUP, USER)],
  ['keycloak-09-event-hook-user', 'keycloak', skip('not_a_membership_change')],
  ['keycloak-10-user-event-of-a-credential', 'keycloak', skip('not_a_membership_change')],
  ['keycloak-11-scim-plugin-wrong-path', 'keycloak', invalid('resource_path')],
  ['keycloak-12-webhook-group-created', 'keycloak', skip('not_a_membership_change')],
  ['keycloak-13-role-is-no-resource-type', 'keycloak', hint('unknown_event_type')],
  ['okta-01-event-hook-add', 'okta', add('00g3vcxkvkIPY52jL4x7', '00ufh433fil4JtjEw4x7')],
  ['okta-03-systemlog-raw-remove', 'okta', remove('00g3vcxkvkIPY52jL4x7', '00ufh433fil4JtjEw4x7')],
  ['okta-05-imported-group-member', 'okta', add('00g9', '0ua1')],
  ['okta-06-group-deleted', 'okta', deleted('00g3vcxkvkIPY52jL4x7')],
  ['okta-07-event-hook-preview-without-targets', 'okta', invalid('target_missing')],
  ['okta-08-event-hook-preview-application', 'okta', skip('not_a_membership_change')],
  ['okta-09-systemlog-add-2018', 'okta', add('00g8mo0l5wuTxmoIC0h7', '00ued6gq9jItNhAsN0h7')],
  ['okta-10-event-hook-by-group-rule', 'okta', add('00g10rdyamywSK8Pw4x7', '00u10r4h1xAe2T675as4x7')],
  ['okta-11-deleted-without-outcome', 'okta', hint('outcome_unknown')],
  ['okta-12-systemlog-remove-2020', 'okta', remove('00g8mo0l5wuTxmoIC0h7', '00uptu0jj9V91p5QM0h7')],
  ['okta-13-smoke-test-without-outcome', 'okta', hint('outcome_unknown')],
  ['scim-set-01-patch-full-add', 'scim-events', add(SCIM_GROUP, '2819c223-7f76-453a-919d-413861904646')],
  ['scim-set-02-patch-notice', 'scim-events', hint('change_without_detail')],
  ['scim-set-05-delete', 'scim-events', deleted(SCIM_GROUP)],
  ['scim-set-06-user-joins-the-feed', 'scim-events', skip('not_a_membership_change')],
  ['scim-set-08-caep-session-revoked', 'scim-events', skip('not_a_membership_change')],
  ['scim-set-09-caep-subject-within', 'scim-events', skip('not_a_membership_change')],
  ['scim-set-07-ssf-verification', 'scim-events', skip('not_a_membership_change')],
];

/** Whose fields do not say what they are of: where the format has to be found, they are loud. */
const HIDDEN: ReadonlySet<string> = new Set([
  'auth0-03-webhook-without-envelope',
  'debezium-62-goldengate-operation-delete',
  'entra-17-audit-without-targets',
  'entra-22-eventhub-sign-in',
  'google-06-flattened-by-a-forwarder',
  'keycloak-09-event-hook-user',
  'keycloak-10-user-event-of-a-credential',
  'keycloak-13-role-is-no-resource-type',
  'okta-11-deleted-without-outcome',
  'okta-13-smoke-test-without-outcome',
]);

const eventIds: Readonly<Record<string, string>> = {
  'auth0-01-group-member-added': 'evt_vjFVP5pVdfvsfRKatshkVV',
  'cloudevents-01-binary': '1234-1234-1234',
  'cloudevents-02-structured': '1234-1234-1235',
  'debezium-14-outbox-escaped-string': '4d47e190-0402-4048-bc2c-89dd54343cdc',
  'keycloak-07-webhook-metadata-only': '2250cc6b-11bb-4e47-8370-1799ad7c33ec',
  'keycloak-01-admin-event-create-real': '09af717a-c346-4096-ab49-6ec13b6b71ba',
  'okta-01-event-hook-add': '14a42b00-74e5-11ee-8a5a-69d62fcd0f8b',
  'scim-set-01-patch-full-add': '6164f3bbf6ff41a88dc94f18cb0620e8',
};

async function decode(
  sample: string,
  format: FormatName,
  environment: Record<string, string> = {},
): Promise<DecodedLine> {
  const context = aContext({ environment });
  expect(await decodeFile(`${folder}${sample}.json`, { format, partitions: 3 }, context), context.err()).toBe(0);
  return JSON.parse(context.out()) as DecodedLine;
}

describe.for(cases)('%s as %s', ([sample, format, expected, environment]) => {
  test('means what its `expect` says', async () => {
    const line = await decode(sample, format, environment);
    expect(line).toMatchObject({ ...expected, format });
    const eventId = eventIds[sample];
    if (eventId !== undefined) expect(line.changes[0]?.event_id).toBe(eventId);
  });

  test('means the same where the format has to be found', async () => {
    const { format: taken, ...line } = await decode(sample, 'auto', environment);
    if (HIDDEN.has(sample) && line.kind !== 'skip') return expect(['invalid', 'hint']).toContain(line.kind);
    expect(line).toMatchObject(expected);
    expect([format, 'cloudevents']).toContain(taken);
  });
});

test('a remedy that is a full state says how it is sent', async () => {
  const texts = await Promise.all(
    cases.map(async ([sample, format, , more]) => (await decode(sample, format, more)).reason),
  );
  const remedies = texts.filter((text) => /(?:as a|the|its|their) full state/.test(text ?? ''));
  expect(remedies.length).toBeGreaterThan(8);
  expect(remedies.filter((text) => !text?.includes('rollcall-format: native'))).toEqual([]);
});

test('every sample is judged', () => {
  const files = readdirSync(folder).map((file) => file.replace('.json', ''));
  expect(files.filter((file) => !cases.some(([sample]) => sample === file))).toEqual([]);
  expect(files.length).toBeGreaterThanOrEqual(30);
});

test('the samples of others are no native records', async () => {
  for (const file of readdirSync(folder)) {
    const { record } = JSON.parse(readFileSync(`${folder}${file}`, 'utf8')) as { record: { value: unknown } };
    if (record.value === null) continue;
    expect((await decode(file.replace('.json', ''), 'native')).kind, file).toBe('invalid');
  }
});
