/** Auth0's Management API for a machine-to-machine application. https://auth0.com/docs/api/management/v2 */
import type { IdpApi } from '../../ingest/ports.ts';
import { ClientToken } from './credentials.ts';
import { connectIdp, IdpHttp, type IdpWorld } from './http.ts';
import type { ApiLimits, ClientAccess } from './limits.ts';

export function auth0Api(access: ClientAccess, limits: ApiLimits, world: IdpWorld): IdpApi {
  const { url } = access;
  const advice =
    'check INGEST_AUTH0_URL, INGEST_AUTH0_CLIENT_ID and INGEST_AUTH0_CLIENT_SECRET; the application needs read:events, read:groups and read:group_members';
  const more = { audience: `${url}/api/v2/` };
  const connection = connectIdp(world);
  const token = new ClientToken({ access, ...limits, url: `${url}/oauth/token`, more, advice }, connection);
  return new IdpHttp({ ...limits, baseUrl: url, advice }, connection, token);
}
