/** Okta's API with an API token (scheme SSWS). https://developer.okta.com/docs/reference/core-okta-api/ */
import type { IdpApi } from '../../ingest/ports.ts';
import { fixedToken } from './credentials.ts';
import { connectIdp, IdpHttp, type IdpWorld } from './http.ts';
import type { ApiLimits } from './limits.ts';

export function oktaApi(
  access: { readonly url: string; readonly token: string },
  limits: ApiLimits,
  world: IdpWorld,
): IdpApi {
  const advice = 'check INGEST_OKTA_URL and INGEST_OKTA_API_TOKEN; its user needs to read groups and the System Log';
  return new IdpHttp({ ...limits, baseUrl: access.url, advice }, connectIdp(world), fixedToken('SSWS', access));
}
