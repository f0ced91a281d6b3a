/** Microsoft Graph for an application. https://learn.microsoft.com/graph/auth-v2-service */
import type { IdpApi } from '../../ingest/ports.ts';
import { ClientToken } from './credentials.ts';
import { connectIdp, IdpHttp, type IdpWorld } from './http.ts';
import type { ApiLimits, ClientAccess } from './limits.ts';

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
