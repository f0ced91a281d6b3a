/** Sources with different addresses have different cursors, and none reads the marks of another. */
import { expect, test } from 'vitest';
import { auth0Source } from '../../src/ingest/poll/auth0.ts';
import { cursorKey } from '../../src/ingest/poll/poller.ts';
import { entraSource } from '../../src/ingest/poll/entra.ts';
import { oktaSource } from '../../src/ingest/poll/okta.ts';
import { scimSource } from '../../src/ingest/poll/scim.ts';
import type { PollSource } from '../../src/ingest/poll/source.ts';
import type { IdpApi } from '../../src/ingest/ports.ts';
import { ManualClock } from '../support/manual-clock.ts';

const clock = new ManualClock();
const unasked = (): never => {
  throw new Error('nothing is to be asked for');
};

const apiAt = (basePath: string): IdpApi => ({
  host: 'idp.example.com',
  basePath,
  get: unasked,
  open: unasked,
  pathOf: unasked,
});

const sources: Readonly<Record<PollSource['name'], (basePath: string) => PollSource>> = {
  okta: (basePath) => oktaSource({ api: apiAt(basePath), clock, pageSize: 2 }),
  entra: (basePath) => entraSource({ api: apiAt(basePath), tenantId: 'tenant' }),
  auth0: (basePath) => auth0Source({ api: apiAt(basePath), clock, pageSize: 2, quietMs: 1 }),
  scim: (basePath) => scimSource({ api: apiAt(basePath), pageSize: 2 }),
};

test.each([
  ['okta', '', 'okta/idp.example.com', null],
  ['okta', '/a', 'okta/idp.example.com/a', 'idp.example.com'],
  ['entra', '', 'entra/idp.example.com/tenant', null],
  ['entra', '/a', 'entra/idp.example.com/a/tenant', 'idp.example.com/tenant'],
  ['auth0', '', 'auth0/idp.example.com', null],
  ['auth0', '/a', 'auth0/idp.example.com/a', 'idp.example.com'],
  ['scim', '/scim/v2', 'scim/idp.example.com', null],
  ['scim', '/a/scim/v2', 'scim/idp.example.com/a/scim/v2', 'idp.example.com'],
  ['scim', '', 'scim/idp.example.com/', 'idp.example.com'],
] as const)('%s at %j has the cursor %s', (name, basePath, key, former) => {
  const source = sources[name](basePath);
  expect([cursorKey(source), source.formerScope]).toEqual([key, former]);
});

const paths = [
  '',
  '/scim/v2',
  '/a',
  '/a/scim/v2',
  '/group',
  '/group/a',
  '/a/group',
  '/a/group/b',
  '/groups',
  '/a/group/',
];

test.each(['okta', 'entra', 'auth0', 'scim'] as const)('of %s no cursor lies among the marks of another', (name) => {
  const keys = paths.map((path) => cursorKey(sources[name](path)));
  expect(new Set(keys).size).toBe(paths.length);
  const within = keys.flatMap((key) => keys.filter((other) => `${other}/group/x`.startsWith(`${key}/group/`)));
  expect(within).toEqual(keys);
});

test('the command that deletes a cursor takes its key as one word', () => {
  expect(cursorKey(sources.okta("/it's|a"))).toBe('okta/idp.example.com/it%27s%7ca');
});
