/** How Genesys Cloud is reached. */
import assert from 'node:assert/strict';
import { problem, type Problem } from './problem.ts';
import {
  anyText,
  baseUrl,
  demanded,
  durationMs,
  initially,
  optional,
  part,
  vendorSecret,
  type Given,
  wholeNumber,
} from './variable.ts';

const options = {
  domain: initially('GENESYS_DOMAIN', 'mypurecloud.com', anyText, {
    about: 'Region of the organisation, as in the address of its web page',
  }),
  apiUrl: optional('GENESYS_API_URL', baseUrl, {
    example: 'http://127.0.0.1:8080',
    about: 'Instead of the region’s API (the sandbox, a proxy); with `GENESYS_LOGIN_URL` only',
  }),
  loginUrl: optional('GENESYS_LOGIN_URL', baseUrl, {
    example: 'http://127.0.0.1:8080',
    about: 'Instead of the region’s login host; with `GENESYS_API_URL` only',
  }),
  clientId: demanded('GENESYS_CLIENT_ID', anyText, {
    example: '6f0c1f0e-5b43-4a0e-9a4f-2f2b7d3f1f10',
    about: 'OAuth client (grant: client credentials)',
  }),
  clientSecret: vendorSecret('GENESYS_CLIENT_SECRET', 'Secret of that client'),
  concurrency: initially('CONCURRENCY', '20', wholeNumber(1, 1000), {
    about: 'Requests in flight in all; never more than one per group',
  }),
  rateLimitPerMinute: optional('RATE_LIMIT_PER_MINUTE', wholeNumber(1), {
    example: '180',
    about:
      'Upper bound of the request rate, besides what the target’s headers say. Default: 180 until they speak, then they alone',
  }),
  requestTimeoutMs: initially('REQUEST_TIMEOUT_MS', '10000', durationMs(100), {
    about: 'Time limit of one request, its body included',
  }),
};

export const genesys = part({
  title: 'Genesys Cloud',
  options,
  /** `publicApiUrl` is of the region, also where requests go elsewhere. */
  make: ({ domain, apiUrl, loginUrl, ...others }) => ({
    ...others,
    ...(apiUrl !== null && loginUrl !== null ? { apiUrl, loginUrl } : urlsOf(domain)),
    publicApiUrl: publicApiUrl(domain),
  }),
  rules: regionRules,
});

function urlsOf(domain: string) {
  const region = regionUrls(domain);
  assert(region, 'the rules have let a region through that is none');
  return region;
}

function regionRules(values: Given<typeof options>): Problem[] {
  const { GENESYS_API_URL: api, GENESYS_LOGIN_URL: login, GENESYS_DOMAIN: domain } = values;
  // Otherwise the credentials of one place would go to another.
  if (api && login === null) return [problem('GENESYS_LOGIN_URL', 'is missing, though GENESYS_API_URL is given', api)];
  if (login && api === null)
    return [problem('GENESYS_API_URL', 'is missing, though GENESYS_LOGIN_URL is given', login)];
  if (api === null && login === null && domain !== undefined && regionUrls(domain) === undefined)
    return [problem('GENESYS_DOMAIN', 'is not a region of Genesys Cloud', 'mypurecloud.ie')];
  return [];
}

/*
 * The published Genesys Cloud regions (genesys.md 9.1: platform-client-sdk-javascript PureCloudRegionHosts.js and the
 * Terraform provider's provider.go agree). The API and the login host of a region share its domain; a token of one region
 * opens no other.
 */

/** Without slashes at the end; undefined: no published region has this domain. */
export const regionUrls = (domain: string) =>
  regionDomains.includes(domain) ? { apiUrl: publicApiUrl(domain), loginUrl: `https://login.${domain}` } : undefined;

/**
 * What users are called by in `$ref`: the address of the API as Genesys Cloud itself knows it, also where requests go
 * through a gateway (GENESYS_API_URL). Without a slash at the end.
 */
const publicApiUrl = (domain: string): string => `https://api.${domain}`;

export const regionDomains: readonly string[] = [
  'mypurecloud.com', // us-east-1
  'use2.us-gov-pure.cloud', // us-east-2 (FedRAMP)
  'usw2.pure.cloud', // us-west-2
  'cac1.pure.cloud', // ca-central-1
  'mxc1.pure.cloud', // mx-central-1
  'sae1.pure.cloud', // sa-east-1
  'mypurecloud.ie', // eu-west-1
  'euw2.pure.cloud', // eu-west-2
  'mypurecloud.de', // eu-central-1
  'euc2.pure.cloud', // eu-central-2
  'edee1.eusc-pure.cloud', // eusc-de-east-1
  'mypurecloud.jp', // ap-northeast-1
  'apne2.pure.cloud', // ap-northeast-2
  'apne3.pure.cloud', // ap-northeast-3
  'aps1.pure.cloud', // ap-south-1
  'apse1.pure.cloud', // ap-southeast-1
  'mypurecloud.com.au', // ap-southeast-2
  'mec1.pure.cloud', // me-central-1
];
