/** Where a log of an identity provider goes on, from answers that say little about it. */
import { expect, test } from 'vitest';
import type { IdpAnswer, IdpApi } from '../../src/ingest/ports.ts';
import { auth0Source } from '../../src/ingest/poll/auth0.ts';
import { oktaSource } from '../../src/ingest/poll/okta.ts';
import { ManualClock } from '../support/manual-clock.ts';

const clock = new ManualClock();
const known = new Map<string, string>();

function anApi(body: object, chunks: readonly string[] = []): IdpApi {
  const answer: IdpAnswer = { status: 200, header: () => null, body: Buffer.from(JSON.stringify(body)) };
  return {
    host: 'example',
    basePath: '',
    get: async () => answer,
    open: async () => ({
      ...answer,
      chunks: async function* () {
        for (const chunk of chunks) yield Buffer.from(chunk);
      },
    }),
    pathOf: (link) => link,
  };
}

test('Okta without a next link: from the time of the last event on, and from its first page', async () => {
  const published = '2026-01-01T00:00:00.000Z';
  const event = { uuid: 'e', published, eventType: 'user.session.start', outcome: { result: 'SUCCESS' } };
  const source = oktaSource({ api: anApi([event]), clock, pageSize: 2 });
  const read = await source.read('/api/v1/logs?since=2025-12-31T00:00:00.000Z&limit=2&after=1', known);
  expect(read).toMatchObject({ cursor: `/api/v1/logs?since=${encodeURIComponent(published)}&limit=2` });
});

test('Auth0 with messages that have no id: from the last one that has', async () => {
  const message = (data: object, id: string): string => `event: message\n${id}data: ${JSON.stringify(data)}\n\n`;
  const chunks = [message({}, 'id: 7\n'), message({}, '')];
  const source = auth0Source({ api: anApi({}, chunks), clock, pageSize: 10, quietMs: 1 });
  expect(await source.read('from=6', known)).toMatchObject({ cursor: 'from=7' });
});
