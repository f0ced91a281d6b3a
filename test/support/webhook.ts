/** A webhook server before a memory log whose sends a test can hold back; all of it ends with the test. */
import { createHmac } from 'node:crypto';
import { afterEach } from 'vitest';
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { systemClock, systemRandom } from '../../src/adapters/system.ts';
import type { SourceFormat } from '../../src/core/change/change.ts';
import { header } from '../../src/core/log/wire-intent.ts';
import { delta, fieldsIn, hint, invalid, listIn, readJson, skip, textIn } from '../../src/formats/reading/reading.ts';
import { SendQueue } from '../../src/ingest/send-queue.ts';
import { Intake, webhookWarnings } from '../../src/ingest/webhook/intake.ts';
import type { KindName } from '../../src/ingest/webhook/kind.ts';
import { sendersOf } from '../../src/ingest/webhook/senders.ts';
import { startWebhook, type WebhookOptions, type WebhookServer } from '../../src/ingest/webhook/server.ts';
import type { Clock, OutRecord } from '../../src/ports.ts';
import { TappedLog } from './tapped-log.ts';

export const secrets = {
  okta: 'okta-secret',
  auth0: 'auth0-token',
  keycloak: 'keycloak-secret',
  entra: 'entra-state',
  scim: 'scim-token',
} as const;

const topics = { source: 'source', retry: 'retry' };
const PARTITIONS = 3;
const endings: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});

interface Written {
  readonly partition: number;
  readonly key: string | null;
  readonly value: string;
  header(name: string): string | null;
}

export interface Endpoint {
  readonly server: WebhookServer;
  readonly broker: MemoryBroker;
  readonly lines: string[];
  /** Sends wait from now on until it is called. */
  hold(): () => void;
  /** So many of the next sends fail. */
  failSends(count: number): void;
  sends(): readonly (readonly OutRecord[])[];
  written(topic: 'source' | 'dead-letter'): readonly Written[];
  post(kind: KindName, body: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
}

export interface EndpointOptions {
  readonly options?: Partial<WebhookOptions>;
  readonly secrets?: Partial<Record<KindName, string | null>>;
  readonly format?: SourceFormat;
  readonly clock?: Clock;
  /** Limit of the broker on a record of the source topic. */
  readonly recordMaxBytes?: number;
  /** … of the dead-letter topic. */
  readonly deadLetterMaxBytes?: number;
}

/** `answerWithinMs` 2,500, `waitingMax` 100, `bodyBytesMax` 10,000. */
export async function anEndpoint(given: EndpointOptions = {}): Promise<Endpoint> {
  const clock = given.clock ?? systemClock;
  const broker = new MemoryBroker(clock, systemRandom);
  const shape = { partitionCount: PARTITIONS, replicationFactor: 1 };
  const settings = (maxBytes: number | undefined): Record<string, string> =>
    maxBytes === undefined ? {} : { 'max.message.bytes': String(maxBytes) };
  broker.createTopic({ topic: 'source', ...shape, settings: settings(given.recordMaxBytes) });
  broker.createTopic({ topic: 'dead-letter', ...shape, settings: settings(given.deadLetterMaxBytes) });
  const tools = new TappedLog(broker, { groupId: 'g', clientId: 'webhook', topics });
  const tap = tapped(tools);
  const lines: string[] = [];
  const write = (fields: object, message: string): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const logger = { warn: write, error: write };
  const options = { bodyBytesMax: 10_000, answerWithinMs: 2_500, waitingMax: 100, ...given.options };
  const isPassing = (): boolean => true;
  const queue = new SendQueue({ tools, clock, logger, isPassing, offersMax: options.waitingMax, bytesMax: 1_000_000 });
  const warnings = webhookWarnings(clock, logger);
  const intake = new Intake({ topic: 'source', deadLetterTopic: 'dead-letter', queue, clock, warnings });
  const senders = sendersOf({ ...secrets, ...given.secrets }, () => given.format ?? plainFormat);
  const address = { host: '127.0.0.1', port: 0, tls: null };
  const server = await startWebhook({ ...address, ...options }, { senders, intake, warnings, clock, logger });
  endings.push(async () => {
    tap.hold()();
    queue.stop();
    await server.drain();
    warnings.close();
  });
  return {
    server,
    broker,
    lines,
    ...tap,
    written: (topic) => writtenTo(broker, topic),
    post: (kind, body, headers = rightHeaders(kind, body)) =>
      fetch(`${server.url}/${kind}`, { method: 'POST', body, headers }),
  };
}

function tapped(tools: TappedLog): Pick<Endpoint, 'hold' | 'failSends' | 'sends'> {
  const sends: (readonly OutRecord[])[] = [];
  let gate = Promise.resolve();
  let toFail = 0;
  tools.beforeSend = async (records) => {
    sends.push(records);
    await gate;
    if (toFail > 0) {
      toFail -= 1;
      throw new Error('REQUEST_TIMED_OUT');
    }
  };
  return {
    hold: () => {
      let open = (): void => undefined;
      gate = new Promise((resolve) => (open = resolve));
      return () => open();
    },
    failSends: (count) => (toFail = count),
    sends: () => sends,
  };
}

/** What a sender of this kind that knows the secret sends along. */
export function rightHeaders(kind: KindName, body: string): Readonly<Record<string, string>> {
  const type = { 'content-type': 'application/json' };
  switch (kind) {
    case 'okta':
      return { ...type, authorization: secrets.okta };
    case 'auth0':
    case 'scim':
      return { ...type, authorization: `Bearer ${secrets[kind]}` };
    case 'keycloak':
      return { ...type, 'x-keycloak-signature': createHmac('sha256', secrets.keycloak).update(body).digest('hex') };
    case 'entra':
      return type;
  }
}

/** A body that adds members to a group; with an id where the event has one. */
export const adding = (group: string, member: string, id: string | null = null): string =>
  JSON.stringify({ value: [{ clientState: secrets.entra, group, add: [member], id }] });

/** `{"value":[{"group","add":[],"id"}]}`; what has no `add` is a hint, `null` a skip, anything else invalid. */
export const plainFormat: SourceFormat = {
  name: 'plain',
  decode: ({ value }) => {
    const read = readJson(value ?? new Uint8Array());
    if (!read.ok) return [read.problem];
    const [first, ...others] = listIn(fieldsIn(read.json)['value']).map(plainEvent);
    return [first ?? skip('nothing'), ...others];
  },
};

function plainEvent(item: unknown): ReturnType<SourceFormat['decode']>[number] {
  if (item === null) return skip('not_a_membership_change');
  const fields = fieldsIn(item);
  const group = textIn(fields['group']);
  if (group === null) return invalid('no_group', '`group` is missing.');
  if (!Array.isArray(fields['add'])) return hint('changed', 'The group has changed.', group);
  return delta({ group, add: fields['add'].map(String), eventId: textIn(fields['id']) });
}

function writtenTo(broker: MemoryBroker, topic: string): readonly Written[] {
  return Array.from({ length: PARTITIONS }, (_, partition) =>
    broker
      .topic(topic)
      .partition(partition)
      .read(0n, 10_000)
      .records.map(({ key, value, headers }) => ({
        partition,
        key: key === null ? null : Buffer.from(key).toString(),
        value: Buffer.from(value ?? []).toString(),
        header: (name: string) => header(headers, name),
      })),
  ).flat();
}
