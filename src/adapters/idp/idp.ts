/**
 * The APIs of the identity providers that are polled: Auth0, Microsoft Graph, Okta, and any SCIM 2.0 service provider
 * (RFC 7644).
 */

/** Auth0's Management API for a machine-to-machine application. https://auth0.com/docs/api/management/v2 */
import type { IdpApi } from '../../ingest/ports.ts';
import { ClientToken, fixedToken } from './credentials.ts';
import { IdpHttp, connectIdp, type IdpWorld } from './http.ts';

export function auth0Api(access: ClientAccess, limits: ApiLimits, world: IdpWorld): IdpApi {
  const { url } = access;
  const advice =
    'check INGEST_AUTH0_URL, INGEST_AUTH0_CLIENT_ID and INGEST_AUTH0_CLIENT_SECRET; the application needs read:events, read:groups and read:group_members';
  const more = { audience: `${url}/api/v2/` };
  const connection = connectIdp(world);
  const token = new ClientToken({ access, ...limits, url: `${url}/oauth/token`, more, advice }, connection);
  return new IdpHttp({ ...limits, baseUrl: url, advice }, connection, token);
}

/** Microsoft Graph for an application. https://learn.microsoft.com/graph/auth-v2-service */
export interface EntraAccess extends ClientAccess {
  readonly loginUrl: string;
  readonly tenantId: string;
}

export function entraApi(access: EntraAccess, limits: ApiLimits, world: IdpWorld): IdpApi {
  const { url, loginUrl, tenantId } = access;
  const advice =
    'check INGEST_ENTRA_TENANT_ID, INGEST_ENTRA_CLIENT_ID and INGEST_ENTRA_CLIENT_SECRET; the application needs GroupMember.Read.All with the consent of an administrator';
  const tokenUrl = `${loginUrl}/${encodeURIComponent(tenantId)}/oauth2/v2.0/token`;
  const more = { scope: `${url}/.default` };
  const connection = connectIdp(world);
  const token = new ClientToken({ access, ...limits, url: tokenUrl, more, advice }, connection);
  return new IdpHttp({ ...limits, baseUrl: url, advice }, connection, token);
}

/** Okta's API with an API token (scheme SSWS). https://developer.okta.com/docs/reference/core-okta-api/ */
export function oktaApi(
  access: { readonly url: string; readonly token: string },
  limits: ApiLimits,
  world: IdpWorld,
): IdpApi {
  const advice = 'check INGEST_OKTA_URL and INGEST_OKTA_API_TOKEN; its user needs to read groups and the System Log';
  return new IdpHttp({ ...limits, baseUrl: access.url, advice }, connectIdp(world), fixedToken('SSWS', access));
}

/** Any SCIM 2.0 service provider with a bearer token (RFC 7644). */
export function scimApi(
  access: { readonly url: string; readonly token: string },
  limits: ApiLimits,
  world: IdpWorld,
): IdpApi {
  const advice = 'check INGEST_SCIM_URL and INGEST_SCIM_LIST_TOKEN, which must be permitted to read groups';
  return new IdpHttp({ ...limits, baseUrl: access.url, advice }, connectIdp(world), fixedToken('Bearer', access));
}

/** The options of every API of an identity provider. */
export interface ApiLimits {
  /** Of one request. */
  readonly timeoutMs: number;
  /** Tries of one request; null: for as long as it takes. */
  readonly triesMax: number | null;
}

export interface ClientAccess {
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
}
