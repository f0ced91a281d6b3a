/** A poll of an identity provider before a memory log. A crash is a run whose next sends fail for good. */
import { KnownSecrets } from '../../../src/core/text/redact.ts';
import { auth0Api, entraApi, oktaApi, scimApi } from '../../../src/adapters/idp/idp.ts';
import { MemoryBroker } from '../../../src/adapters/memory-log/memory-broker.ts';
import { systemClock, systemRandom } from '../../../src/adapters/system.ts';
import { textOf } from '../../../src/core/log/wire-intent.ts';
import { native } from '../../../src/formats/native/native.ts';
import { auth0Source } from '../../../src/ingest/poll/auth0.ts';
import { Poller, loadCursor, type PollerOptions } from '../../../src/ingest/poll/poller.ts';
import { entraSource } from '../../../src/ingest/poll/entra.ts';
import { oktaSource } from '../../../src/ingest/poll/okta.ts';
import { scimSource } from '../../../src/ingest/poll/scim.ts';
import type { PollSource } from '../../../src/ingest/poll/source.ts';
import { SendQueue } from '../../../src/ingest/send-queue.ts';
import type { Clock, TopicRecord } from '../../../src/ports.ts';
import { TappedLog } from '../tapped-log.ts';
import type { IdpServer } from './server.ts';

export interface Line {
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

type SourceName = 'okta' | 'entra' | 'auth0' | 'scim';

export class Poll {
  readonly log: TappedLog;
  readonly lines: Line[] = [];
  readonly stop = new AbortController();
  /** Called at each line of the log. */
  onLine: (line: Line) => void = () => undefined;
  readonly #broker: MemoryBroker;
  readonly #clock: Clock;
  readonly #make: () => PollSource;
  #failing: (topics: readonly string[]) => boolean = () => false;

  constructor(name: SourceName, server: Pick<IdpServer, 'url'>, { clock = systemClock, pageSize = 2 } = {}) {
    this.#clock = clock;
    this.#broker = new MemoryBroker(clock, systemRandom);
    for (const topic of ['source', 'dead-letter', 'cursors'])
      this.#broker.createTopic({ topic, partitionCount: 1, replicationFactor: 1, settings: {} });
    this.log = new TappedLog(this.#broker, {
      groupId: 'g',
      clientId: 'poll',
      topics: { source: 'source', retry: 'source' },
    });
    this.log.beforeSend = async (records) => {
      if (this.#failing(records.map(({ topic }) => topic))) throw new Error('killed');
    };
    this.#make = () => this.#sourceOf(name, server.url, pageSize);
  }

  /** Until there is nothing new. */
  async run(options: Partial<PollerOptions> = {}): Promise<void> {
    const source = this.#make();
    const signal = new AbortController().signal;
    const stored = await loadCursor(this.log, 'cursors', { source, signal });
    const given = { topic: 'source', deadLetterTopic: 'dead-letter', cursorTopic: 'cursors' };
    const settings = { ...given, intervalMs: 10, startFrom: 'full', mode: 'once', ...options } as const;
    const limits = { offersMax: 10, bytesMax: 10_000_000, isPassing: () => false };
    const queue = new SendQueue({ tools: this.log, clock: this.#clock, logger: this.#logger(), ...limits });
    const world = { source, stored, queue, clock: this.#clock, logger: this.#logger(), stop: this.stop.signal };
    await new Poller(settings, world).run();
  }

  /** Runs, and is killed at the first send to this topic after so many others. */
  async crashAt(topic: 'source' | 'cursors', skip = 0): Promise<void> {
    let left = skip;
    this.#failing = (topics) => topics.includes(topic) && (left -= 1) < 0;
    await this.run().then(
      () => {
        throw new Error('it was not killed');
      },
      (error: Error) => {
        if (error.message !== 'killed') throw error;
      },
    );
    this.#failing = () => false;
  }

  /** A record of the cursor topic by another writer; null: the key is deleted. */
  async store(key: string, value: string | null): Promise<void> {
    await this.log.send([{ topic: 'cursors', partition: 0, key, value, headers: [] }]);
  }

  /** Of the source topic, in short: `g +a -b`, `g = a,b`, `g deleted`. */
  changes(from = 0): readonly string[] {
    return this.#read('source')
      .slice(from)
      .map((record) => {
        const [event] = native.decode(record, { partitionCount: 1 });
        if (event.kind === 'delta')
          return [event.group, ...event.add.map((id) => `+${id}`), ...event.remove.map((id) => `-${id}`)].join(' ');
        if (event.kind !== 'state') throw new Error(`not a change: ${JSON.stringify(event)}`);
        return event.deleted ? `${event.group} deleted` : `${event.group} = ${event.members.toSorted().join(',')}`;
      });
  }

  /** What the changes come to. */
  memberships(): Readonly<Record<string, readonly string[]>> {
    const groups = new Map<string, Set<string>>();
    for (const record of this.#read('source')) {
      const [event] = native.decode(record, { partitionCount: 1 });
      if (event.kind === 'state') groups.set(event.group, new Set(event.members));
      if (event.kind !== 'delta') continue;
      const members = groups.get(event.group) ?? new Set();
      groups.set(event.group, members);
      for (const id of event.add) members.add(id);
      for (const id of event.remove) members.delete(id);
    }
    return Object.fromEntries([...groups].map(([group, members]) => [group, [...members].toSorted()]));
  }

  deadLetters(): readonly Omit<TopicRecord, 'partition'>[] {
    return this.#read('dead-letter');
  }

  /** Keys of the cursor topic with their last values. */
  cursors(): ReadonlyMap<string, string | null> {
    return new Map(this.#read('cursors').map(({ key, value }) => [textOf(key) ?? '', textOf(value)]));
  }

  #read(topic: string): readonly Omit<TopicRecord, 'partition'>[] {
    return this.#broker.topic(topic).partition(0).read(0n, 100_000).records;
  }

  #logger() {
    const write = (fields: object, message: string): void => {
      const line = { message, fields: { ...fields } };
      this.lines.push(line);
      this.onLine(line);
    };
    return { debug: write, info: write, warn: write, error: write };
  }

  #sourceOf(name: SourceName, url: string, pageSize: number): PollSource {
    const clock = this.#clock;
    const secrets = new KnownSecrets([]);
    const world = { clock, random: { next: () => 0.5 }, logger: this.#logger(), stop: this.stop.signal, secrets };
    const limits = { timeoutMs: 30_000, triesMax: 5 };
    const client = { url, clientId: 'client', clientSecret: 'client-secret' };
    switch (name) {
      case 'okta':
        return oktaSource({ api: oktaApi({ url, token: 'api-token' }, limits, world), clock, pageSize });
      case 'entra': {
        const api = entraApi({ ...client, loginUrl: url, tenantId: 'tenant' }, limits, world);
        return entraSource({ api, tenantId: 'tenant' });
      }
      case 'auth0':
        return auth0Source({ api: auth0Api(client, limits, world), clock, pageSize, quietMs: 100 });
      case 'scim':
        return scimSource({ api: scimApi({ url: `${url}/scim/v2`, token: 'list-token' }, limits, world), pageSize });
    }
  }
}
