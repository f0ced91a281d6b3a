/** Configuration of `rollcall ingest poll`, and of the identity providers that it asks. */
import { inputRule, type TopicValues } from './service.ts';
import {
  asRead,
  baseUrl,
  demanded,
  durationMs,
  type Given,
  initially,
  oneOf,
  part,
  vendorSecret,
  anyText,
  topicName,
  wholeNumber,
} from './variable.ts';

const pollOptions = {
  cursorTopic: initially('INGEST_CURSOR_TOPIC', 'rollcall.ingest-cursors', topicName, {
    about: 'Compacted topic that remembers how far an identity provider was read; made where it is missing',
  }),
  intervalMs: initially('INGEST_POLL_INTERVAL_MS', '30000', durationMs(100), {
    about: 'Pause between two polls',
  }),
  pageSize: initially('INGEST_POLL_PAGE_SIZE', '200', wholeNumber(1, 1000), {
    about: 'Entries asked for in one request, as far as the identity provider permits',
  }),
  start: initially('INGEST_POLL_START', 'full', oneOf('full', 'now'), {
    about: 'First poll of a source: `full` = every group as a full state first, `now` = only what changes from now on',
  }),
  timeoutMs: initially('INGEST_POLL_TIMEOUT_MS', '30000', durationMs(100), {
    about: 'Time limit of one request to the identity provider, its body included',
  }),
};

export const poll = part({
  title: 'Identity providers that are asked',
  options: pollOptions,
  make: asRead,
  rules: (values: Given<typeof pollOptions> & TopicValues) =>
    inputRule(values.INGEST_CURSOR_TOPIC, values, ['INGEST_CURSOR_TOPIC', 'rollcall.ingest-cursors']),
});

export const okta = part({
  title: 'Okta',
  options: {
    url: demanded('INGEST_OKTA_URL', baseUrl, {
      example: 'https://example.okta.com',
      about: '`poll okta`: address of the organisation',
    }),
    token: vendorSecret('INGEST_OKTA_API_TOKEN', '`poll okta`: API token (SSWS) of a read-only administrator'),
  },
  make: asRead,
});

export const entra = part({
  title: 'Microsoft Entra ID',
  options: {
    tenantId: demanded('INGEST_ENTRA_TENANT_ID', anyText, {
      example: '4f95594c-a630-4b9d-b5c1-cc628e2b07e5',
      about: '`poll entra`: directory (tenant) id',
    }),
    clientId: demanded('INGEST_ENTRA_CLIENT_ID', anyText, {
      example: '6f0c1f0e-5b43-4a0e-9a4f-2f2b7d3f1f10',
      about: '`poll entra`: application (client) id, with the application permission GroupMember.Read.All',
    }),
    clientSecret: vendorSecret('INGEST_ENTRA_CLIENT_SECRET', '`poll entra`: secret of that application'),
    url: initially('INGEST_ENTRA_GRAPH_URL', 'https://graph.microsoft.com', baseUrl, {
      about: '`poll entra`: Microsoft Graph; national clouds have their own',
    }),
    loginUrl: initially('INGEST_ENTRA_LOGIN_URL', 'https://login.microsoftonline.com', baseUrl, {
      about: '`poll entra`: where tokens come from',
    }),
  },
  make: asRead,
});

export const auth0 = part({
  title: 'Auth0',
  options: {
    url: demanded('INGEST_AUTH0_URL', baseUrl, {
      example: 'https://example.eu.auth0.com',
      about: '`poll auth0`: address of the tenant',
    }),
    clientId: demanded('INGEST_AUTH0_CLIENT_ID', anyText, {
      example: 'mN8qYb1l0oN2',
      about: '`poll auth0`: machine-to-machine application with read:events, read:groups and read:group_members',
    }),
    clientSecret: vendorSecret('INGEST_AUTH0_CLIENT_SECRET', '`poll auth0`: secret of that application'),
  },
  make: asRead,
});

export const scim = part({
  title: 'SCIM',
  options: {
    url: demanded('INGEST_SCIM_URL', baseUrl, {
      example: 'https://idp.example.com/scim/v2',
      about: '`poll scim`: base address, to which /Groups is added',
    }),
    token: vendorSecret('INGEST_SCIM_LIST_TOKEN', '`poll scim`: bearer token'),
  },
  make: asRead,
});
