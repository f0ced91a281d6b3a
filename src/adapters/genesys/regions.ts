/**
 * The published Genesys Cloud regions (genesys.md 9.1: platform-client-sdk-javascript PureCloudRegionHosts.js and the
 * Terraform provider's provider.go agree). The API and the login host of a region share its domain; a token of one region
 * opens no other.
 */

export interface RegionUrls {
  /** Without a slash at the end. */
  readonly apiUrl: string;
  /** Without a slash at the end. */
  readonly loginUrl: string;
}

/** undefined: no published region has this domain. */
export function regionUrls(domain: string): RegionUrls | undefined {
  if (!regionDomains.includes(domain)) return undefined;
  return { apiUrl: publicApiUrl(domain), loginUrl: `https://login.${domain}` };
}

/**
 * What users are called by in `$ref`: the address of the API as Genesys Cloud itself knows it, also where requests go
 * through a gateway (GENESYS_API_URL). Without a slash at the end.
 */
export const publicApiUrl = (domain: string): string => `https://api.${domain}`;

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
