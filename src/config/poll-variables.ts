/** Variables of `rollcall ingest poll`, and of the identity providers that it asks. */
import { baseUrl, demanded, durationMs, initially, oneOf, secret, text, topicName, wholeNumber } from './variable.ts';

const poll = {
  INGEST_CURSOR_TOPIC: initially('rollcall.ingest-cursors', topicName, {
    part: 'poll',
    about: 'Compacted topic that remembers how far an identity provider was read; made where it is missing',
  }),
  INGEST_POLL_INTERVAL_MS: initially('30000', durationMs(100), {
    part: 'poll',
    about: 'Pause between two polls',
  }),
  INGEST_POLL_PAGE_SIZE: initially('200', wholeNumber(1, 1000), {
    part: 'poll',
    about: 'Entries asked for in one request, as far as the identity provider permits',
  }),
  INGEST_POLL_START: initially('full', oneOf('full', 'now'), {
    part: 'poll',
    about: 'First poll of a source: `full` = every group as a full state first, `now` = only what changes from now on',
  }),
  INGEST_POLL_TIMEOUT_MS: initially('30000', durationMs(100), {
    part: 'poll',
    about: 'Time limit of one request to the identity provider, its body included',
  }),
};

const okta = {
  INGEST_OKTA_URL: demanded(baseUrl, {
    part: 'okta',
    example: 'https://example.okta.com',
    about: '`poll okta`: address of the organisation',
  }),
  INGEST_OKTA_API_TOKEN: secret(
    demanded(text, {
      part: 'okta',
      example: 'change-me',
      about: '`poll okta`: API token (SSWS) of a read-only administrator',
    }),
  ),
};

const entra = {
  INGEST_ENTRA_TENANT_ID: demanded(text, {
    part: 'entra',
    example: '4f95594c-a630-4b9d-b5c1-cc628e2b07e5',
    about: '`poll entra`: directory (tenant) id',
  }),
  INGEST_ENTRA_CLIENT_ID: demanded(text, {
    part: 'entra',
    example: '6f0c1f0e-5b43-4a0e-9a4f-2f2b7d3f1f10',
    about: '`poll entra`: application (client) id, with the application permission GroupMember.Read.All',
  }),
  INGEST_ENTRA_CLIENT_SECRET: secret(
    demanded(text, { part: 'entra', example: 'change-me', about: '`poll entra`: secret of that application' }),
  ),
  INGEST_ENTRA_GRAPH_URL: initially('https://graph.microsoft.com', baseUrl, {
    part: 'entra',
    about: '`poll entra`: Microsoft Graph; national clouds have their own',
  }),
  INGEST_ENTRA_LOGIN_URL: initially('https://login.microsoftonline.com', baseUrl, {
    part: 'entra',
    about: '`poll entra`: where tokens come from',
  }),
};

const auth0 = {
  INGEST_AUTH0_URL: demanded(baseUrl, {
    part: 'auth0',
    example: 'https://example.eu.auth0.com',
    about: '`poll auth0`: address of the tenant',
  }),
  INGEST_AUTH0_CLIENT_ID: demanded(text, {
    part: 'auth0',
    example: 'mN8qYb1l0oN2',
    about: '`poll auth0`: machine-to-machine application with read:events, read:groups and read:group_members',
  }),
  INGEST_AUTH0_CLIENT_SECRET: secret(
    demanded(text, { part: 'auth0', example: 'change-me', about: '`poll auth0`: secret of that application' }),
  ),
};

const scim = {
  INGEST_SCIM_URL: demanded(baseUrl, {
    part: 'scim',
    example: 'https://idp.example.com/scim/v2',
    about: '`poll scim`: base address, to which /Groups is added',
  }),
  INGEST_SCIM_LIST_TOKEN: secret(
    demanded(text, { part: 'scim', example: 'change-me', about: '`poll scim`: bearer token' }),
  ),
};

export const pollVariables = { ...poll, ...okta, ...entra, ...auth0, ...scim };
