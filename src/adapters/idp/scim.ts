/** Any SCIM 2.0 service provider with a bearer token (RFC 7644). */
import type { IdpApi } from '../../ingest/ports.ts';
import { fixedToken } from './credentials.ts';
import { connectIdp, IdpHttp, type IdpWorld } from './http.ts';
import type { ApiLimits } from './limits.ts';

export function scimApi(
  access: { readonly url: string; readonly token: string },
  limits: ApiLimits,
  world: IdpWorld,
): IdpApi {
  const advice = 'check INGEST_SCIM_URL and INGEST_SCIM_LIST_TOKEN, which must be permitted to read groups';
  return new IdpHttp({ ...limits, baseUrl: access.url, advice }, connectIdp(world), fixedToken('Bearer', access));
}
