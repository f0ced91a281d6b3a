/** `rollcall ingest topic` as a process before a real broker: keyless records of several partitions, killed under load. */
import { afterEach, expect, onTestFailed, test } from 'vitest';
import { createLogTools } from '../../src/adapters/kafka/tools.ts';
import { header } from '../../src/core/log/wire-intent.ts';
import type { LogTools, TopicRecord } from '../../src/ports.ts';
import { describeKafka, describeNewestKafka, uniqueName } from '../support/broker.ts';
import { Condition } from '../support/condition.ts';
import { commitAgain, commitsOf, resetOffsets } from '../support/group-offsets.ts';
import { kafkaHost, plaintext, recreateTopic } from '../support/kafka-log-harness.ts';
import { type Environment, ServiceProcess, shortTimes } from '../support/service.ts';

const PARTITIONS = 4;
const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

interface Sent {
  readonly id: string;
  readonly group: string;
  readonly member: string;
  readonly op: 'add' | 'remove';
}

class RelayHarness {
  readonly name = uniqueName('rekey');
  readonly from = `${this.name}.from`;
  readonly deadLetter = `${this.name}.dead-letter`;
  readonly tools: LogTools;
  readonly #brokers: readonly string[];
  readonly written: Sent[] = [];
  readonly ids = new Set<string>();
  readonly letters: TopicRecord[] = [];
  readonly #condition = new Condition();
  #sent = 0;
  readonly #base = Date.now() - 600_000;

  constructor(brokers: readonly string[]) {
    this.#brokers = brokers;
    this.tools = createLogTools(plaintext(brokers), kafkaHost);
    endings.push(() => this.tools.close());
  }

  async open(): Promise<this> {
    for (const topic of [this.from, this.name, this.deadLetter])
      await this.tools.createTopic({ topic, partitionCount: PARTITIONS, replicationFactor: 1, settings: {} });
    const end = new AbortController();
    endings.push(async () => end.abort());
    void this.#follow(this.name, end.signal, (record) => {
      const event = eventOf(record);
      this.written.push(event);
      this.ids.add(event.id);
    });
    void this.#follow(this.deadLetter, end.signal, (record) => this.letters.push(record));
    return this;
  }

  async start(changes: Environment = {}): Promise<ServiceProcess> {
    const service = new ServiceProcess(
      {
        ...shortTimes,
        KAFKA_BROKERS: this.#brokers.join(','),
        SOURCE_TOPIC: this.name,
        DEAD_LETTER_TOPIC: this.deadLetter,
        INGEST_FROM_TOPIC: this.from,
        INGEST_FROM_FORMAT: 'native',
        INGEST_GROUP_ID: this.name,
        INGEST_REORDER_MS: '1500',
        ...changes,
      },
      ['ingest', 'topic'],
    );
    endings.push(() => service.kill());
    onTestFailed(() => void process.stderr.write(`${service.tail()}\n`));
    return service;
  }

  /** The next changes of these members, each into a partition of its own choice; their times tell the order. */
  async send(count: number, pick: (index: number) => Omit<Sent, 'id'>): Promise<readonly Sent[]> {
    const sent = Array.from({ length: count }, (_, index) => ({
      id: `e${this.#sent + index}`,
      ...pick(this.#sent + index),
    }));
    const records = sent.map(({ id, group, member, op }, index) => ({
      topic: this.from,
      // Neither by group nor in turn.
      partition: ((this.#sent + index) * 7 + ((this.#sent + index) >> 2)) % PARTITIONS,
      key: null,
      value: JSON.stringify({
        group_id: group,
        [op === 'add' ? 'add_members' : 'remove_members']: [member],
        event_id: id,
        occurred_at: new Date(this.#base + this.#sent + index).toISOString(),
      }),
      headers: [],
    }));
    this.#sent += count;
    await this.tools.send(records);
    return sent;
  }

  until(what: string, holds: () => boolean): Promise<void> {
    return this.#condition.until(what, holds);
  }

  async #follow(topic: string, signal: AbortSignal, take: (record: TopicRecord) => void): Promise<void> {
    for await (const record of this.tools.read(topic, { from: 'beginning', follow: true, signal })) {
      take(record);
      this.#condition.look();
    }
  }
}

function eventOf({ value, key }: TopicRecord): Sent {
  const fields = JSON.parse(Buffer.from(value ?? []).toString()) as Record<string, string> & {
    add_members: string[];
    remove_members: string[];
  };
  expect(Buffer.from(key ?? []).toString()).toBe(fields['group_id']);
  const [added] = fields.add_members;
  const [removed] = fields.remove_members;
  return {
    id: fields['event_id'] ?? '',
    group: fields['group_id'] ?? '',
    member: added ?? removed ?? '',
    op: added === undefined ? 'remove' : 'add',
  };
}

/** What the events come to, in the order given. */
function outcome(events: readonly Sent[]): ReadonlyMap<string, string> {
  return new Map(events.map(({ group, member, op, id }) => [`${group}/${member}`, `${op} ${id}`]));
}

/** Events that went on after a newer one of the same member, and not because a crash repeated them. */
function overtaken(written: readonly Sent[]): readonly string[] {
  const newest = new Map<string, number>();
  const seen = new Set<string>();
  const found: string[] = [];
  for (const { id, group, member } of written) {
    const at = Number(id.slice(1));
    const key = `${group}/${member}`;
    if (at < (newest.get(key) ?? -1) && !seen.has(id)) found.push(id);
    newest.set(key, Math.max(at, newest.get(key) ?? -1));
    seen.add(id);
  }
  return found;
}

const contradicting = (index: number): Omit<Sent, 'id'> => ({
  group: `g${index % 13}`,
  member: `m${index % 5}`,
  op: (index >> 2) % 3 === 0 ? 'remove' : 'add',
});

describeKafka('rollcall ingest topic', ({ brokers }) => {
  test('puts keyless records of several partitions into the order in which they happened', async () => {
    const harness = await new RelayHarness(brokers).open();
    const sent = await harness.send(2_000, contradicting);
    const service = await harness.start();
    await Promise.race([harness.until('all events', () => harness.ids.size === sent.length), service.broken]);
    expect(harness.written).toHaveLength(sent.length);
    expect(overtaken(harness.written)).toEqual([]);
    service.signal('SIGTERM');
    expect(await service.exited).toBe(0);
    // Started again, it has nothing to repeat.
    const second = await harness.start();
    await second.said('the topic is read');
    const more = await harness.send(10, contradicting);
    await harness.until('the rest', () => harness.ids.size === sent.length + more.length);
    expect(harness.written).toHaveLength(sent.length + more.length);
    expect(harness.letters).toEqual([]);
  });

  test('a change that comes late, even after a new start, does not overwrite a newer one', async () => {
    const harness = await new RelayHarness(brokers).open();
    const service = await harness.start({ INGEST_REORDER_MS: '100' });
    const base = Date.now();
    const at = (seconds: number): string => new Date(base + seconds * 1000).toISOString();
    const record = (partition: number, members: object, seconds: number) => ({
      topic: harness.from,
      partition,
      key: null,
      value: JSON.stringify({ group_id: 'g', ...members, occurred_at: at(seconds) }),
      headers: [],
    });
    await harness.tools.send([record(0, { remove_members: ['m'] }, 10)]);
    await harness.until('the removal', () => harness.written.length === 1);
    service.signal('SIGTERM');
    await service.exited;
    const second = await harness.start({ INGEST_REORDER_MS: '100' });
    await second.said('the topic is read');
    await harness.tools.send([record(1, { add_members: ['m', 'n'] }, 5)]);
    await harness.until('the dead letter', () => harness.letters.length > 0);
    await harness.until('the other member', () => harness.written.length > 1);
    expect(harness.written.at(-1)).toMatchObject({ member: 'n', op: 'add' });
    expect(header(harness.letters[0]?.headers ?? [], 'rollcall-error-code')).toBe('superseded');
    expect(Buffer.from(harness.letters[0]?.value ?? []).toString()).toContain('"add_members":["m","n"]');
    await second.said('changes came after newer ones of the same members; they are in the dead-letter topic');
  });
});

describeNewestKafka('rollcall ingest topic, of which the topic was deleted and recreated', ({ brokers }) => {
  test('ends with 69 and the remedy, which works', async () => {
    // given a topic that is longer than what was committed of another one by this name
    const harness = await new RelayHarness(brokers).open();
    const offsets = { brokers, groupId: harness.name, topic: harness.from };
    const sent = await harness.send(40, contradicting);
    const first = await harness.start();
    await harness.until('all events', () => harness.ids.size === sent.length);
    first.signal('SIGTERM');
    await first.exited;
    const commits = await commitsOf(offsets);
    expect(commits).toHaveLength(PARTITIONS);
    await recreateTopic(brokers, harness.from, PARTITIONS);
    const more = await harness.send(80, contradicting);
    await commitAgain(offsets, commits);
    // when
    const refused = await harness.start();
    refused.broken.catch(() => undefined);
    // then
    expect(await refused.exited).toBe(69);
    expect(refused.text).toMatch(/partition \d of \S+ is not what it was: the topic was deleted and recreated/);
    const command = `--group ${harness.name} --topic ${harness.from} --reset-offsets --to-earliest --execute`;
    expect(refused.text).toContain(command);
    expect(harness.ids.size).toBe(sent.length);
    await resetOffsets(offsets);
    await harness.start();
    await harness.until('the rest', () => harness.ids.size === sent.length + more.length);
  });

  test('cannot be detected where a former version has committed: it goes on there', async () => {
    const harness = await new RelayHarness(brokers).open();
    const sent = await harness.send(40, contradicting);
    const commits = Array.from({ length: PARTITIONS }, (_, partition) => ({
      partition,
      offset: '4',
      metadata: String(Date.now()),
    }));
    await commitAgain({ brokers, groupId: harness.name, topic: harness.from }, commits);
    await harness.start();
    await harness.until('the rest', () => harness.ids.size === sent.length - 4 * PARTITIONS);
  });
});

describeNewestKafka('rollcall ingest topic', ({ brokers }) => {
  test('killed again and again under load, it loses nothing and keeps the order', async () => {
    const harness = await new RelayHarness(brokers).open();
    const all: Sent[] = [];
    let service = await harness.start();
    for (let kill = 0; kill < 4; kill += 1) {
      await service.said('the topic is read');
      for (let burst = 0; burst < 10; burst += 1) all.push(...(await harness.send(300, contradicting)));
      const before = harness.written.length;
      await Promise.race([harness.until('some of it', () => harness.written.length > before), service.broken]);
      await service.kill();
      service = await harness.start();
    }
    await Promise.race([harness.until('all of it', () => harness.ids.size === all.length), service.broken]);
    await service.said('the topic is read');
    expect(overtaken(harness.written)).toEqual([]);
    expect(outcome(harness.written.toSorted(byId))).toEqual(outcome(all));
    service.signal('SIGTERM');
    await service.exited;
    expect(outcome(harness.written)).toEqual(outcome(all));
    expect(harness.letters).toEqual([]);
  });

  test('a topic of another cluster is read there, and one that is missing ends it with 69', async () => {
    const harness = await new RelayHarness(brokers).open();
    const sent = await harness.send(50, contradicting);
    // given KAFKA_GROUP_ID and the others for this cluster, and a name of its own for the brokers of that topic
    const service = await harness.start({ INGEST_FROM_BROKERS: brokers.join(',') });
    await harness.until('all events', () => harness.ids.size === sent.length);
    expect(service.linesOf('the topic is joined')[0]).toMatchObject({ brokers });
    const lost = await harness.start({ INGEST_FROM_TOPIC: uniqueName('nowhere') });
    lost.broken.catch(() => undefined);
    expect(await lost.exited).toBe(69);
  });

  test('a second instance stands by, and takes over', async () => {
    const harness = await new RelayHarness(brokers).open();
    const first = await harness.start();
    await first.said('the topic is read');
    const second = await harness.start();
    await second.said('another instance has the topic, this one stands by');
    const some = await harness.send(500, contradicting);
    await harness.until('the first half', () => harness.ids.size === some.length);
    await first.kill();
    const more = await harness.send(500, contradicting);
    await second.said('the topic is read');
    await harness.until('the second half', () => harness.ids.size === some.length + more.length);
    expect(overtaken(harness.written)).toEqual([]);
  });
});

const byId = (a: Sent, b: Sent): number => Number(a.id.slice(1)) - Number(b.id.slice(1));
