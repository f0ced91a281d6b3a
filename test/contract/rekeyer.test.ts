/** What is sent, and when it is committed, by `ingest topic`: on a relay that is fed by hand, and a memory log. */
import { afterEach, expect, test } from 'vitest';
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { systemRandom } from '../../src/adapters/system.ts';
import { header, textOf } from '../../src/core/log/wire-intent.ts';
import type { SourceFormat } from '../../src/core/change/change.ts';
import { entra } from '../../src/formats/entra/entra.ts';
import { native } from '../../src/formats/native/native.ts';
import { scimEvents } from '../../src/formats/scim/events.ts';
import { Rekeyer, rekeyWarnings } from '../../src/ingest/topic/rekeyer.ts';
import { SendQueue } from '../../src/ingest/send-queue.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { HandFedRelay } from '../support/relay.ts';
import { SlowVerifier, aToken } from '../support/tokens.ts';
import { TappedLog } from '../support/tapped-log.ts';

const REORDER_MS = 1_000;
const BASE = 1_790_000_000_000;
const endings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});

function aRekeyer({
  format = native,
  bufferMax = 100,
  bufferBytesMax = 1_000_000,
  recordMaxBytes = 1_000_000,
  deadLetterMaxBytes = 1_000_000,
}: {
  format?: SourceFormat;
  bufferMax?: number;
  bufferBytesMax?: number;
  recordMaxBytes?: number;
  deadLetterMaxBytes?: number;
} = {}) {
  const clock = new ManualClock(BASE);
  const broker = new MemoryBroker(clock, systemRandom);
  const shape = { partitionCount: 1, replicationFactor: 1 };
  broker.createTopic({ topic: 'source', ...shape, settings: { 'max.message.bytes': String(recordMaxBytes) } });
  const deadLetter = { topic: 'dead-letter', ...shape, settings: { 'max.message.bytes': String(deadLetterMaxBytes) } };
  broker.createTopic(deadLetter);
  const tools = new TappedLog(broker, { groupId: 'g', clientId: 'c', topics: { source: 'source', retry: 'source' } });
  const lines: string[] = [];
  const write = (_: object, message: string): void => void lines.push(message);
  const logger = { debug: write, info: write, warn: write, error: write };
  const queue = new SendQueue({ tools, clock, logger, offersMax: 16, bytesMax: 1_000_000, isPassing: () => true });
  const relay = new HandFedRelay();
  const warnings = rekeyWarnings(clock, logger);
  const limits = { reorderMs: REORDER_MS, bufferMax, bufferBytesMax };
  const options = { from: 'from', topic: 'source', deadLetterTopic: 'dead-letter', ...limits };
  const rekeyer = new Rekeyer(options, { relay, format, queue, clock, logger, warnings });
  relay.join(rekeyer);
  endings.push(async () => {
    queue.stop();
    await rekeyer.stop();
    warnings.close();
  });
  const read = (topic: string) => broker.topic(topic).partition(0).read(0n, 10_000).records;
  const written = () => read('source').map(({ value }) => JSON.parse(textOf(value) ?? '') as { event_id?: string });
  return {
    clock,
    broker,
    tools,
    lines,
    relay,
    rekeyer,
    letters: () => read('dead-letter'),
    written,
    ids: () => written().map((event) => event.event_id),
  };
}

/** @param at seconds */
const aChange = (id: string, at: number, fields: object = { add_members: ['m'] }) => ({
  timestamp: BASE,
  value: Buffer.from(
    JSON.stringify({ group_id: 'g', event_id: id, occurred_at: new Date(BASE + at * 1000).toISOString(), ...fields }),
  ),
});

test('ingest topic: an offset is committed when what it stands for is acknowledged, and not before', async () => {
  const { relay, tools, clock, ids } = aRekeyer();
  let acknowledge = (): void => undefined;
  tools.beforeSend = () => new Promise((resolve) => (acknowledge = resolve));
  relay.assign({});
  relay.feed(0, [aChange('a', 1), aChange('b', 2)]);
  await clock.settle();
  expect(relay.committed.size).toBe(0);
  acknowledge();
  await clock.settle();
  expect(ids()).toEqual(['a', 'b']);
  expect(relay.committed.get(0)).toEqual({
    partition: 0,
    offset: 2n,
    timestamp: BASE,
    last: { offset: 1n, timestamp: BASE },
  });
});

test('ingest topic: what waits in the window is not committed, and what is before it is', async () => {
  const { relay, clock, ids } = aRekeyer();
  relay.assign({}, {});
  relay.feed(1, []);
  relay.feed(0, [aChange('a', 1), aChange('b', 5)]);
  relay.feed(1, [aChange('c', 3)]);
  await clock.settle();
  expect(ids()).toEqual(['a', 'c']);
  expect(relay.committed.get(0)?.offset).toBe(1n);
  await clock.advance(REORDER_MS);
  expect(ids()).toEqual(['a', 'c', 'b']);
  expect(relay.committed.get(0)?.offset).toBe(2n);
});

test('ingest topic: a send that fails is repeated in the same order, and committed once it is acknowledged', async () => {
  const { relay, tools, clock, ids } = aRekeyer();
  let failures = 3;
  tools.beforeSend = async () => {
    failures -= 1;
    if (failures >= 0) throw new Error('REQUEST_TIMED_OUT');
  };
  relay.assign({});
  relay.feed(0, [aChange('a', 1)]);
  await clock.settle();
  relay.feed(0, [aChange('b', 2)]);
  expect(relay.committed.size).toBe(0);
  await clock.advance(5_000);
  expect(ids()).toEqual(['a', 'b']);
  expect(relay.committed.get(0)?.offset).toBe(2n);
});

test('ingest topic: a commit that fails is tried again, although nothing more comes', async () => {
  const { relay, clock } = aRekeyer();
  relay.failingCommits = 3;
  relay.assign({});
  relay.feed(0, [aChange('a', 1)]);
  await clock.advance(5_000);
  expect(relay.committed.get(0)?.offset).toBe(1n);
});

test('ingest topic: what was begun before a loss commits nothing after it', async () => {
  const { relay, tools, clock } = aRekeyer();
  let acknowledge = (): void => undefined;
  tools.beforeSend = () => new Promise((resolve) => (acknowledge = resolve));
  relay.assign({});
  relay.feed(0, [aChange('a', 1)]);
  await clock.settle();
  relay.lose();
  acknowledge();
  await clock.settle();
  expect(relay.committed.size).toBe(0);
});

test('ingest topic: what was judged before a loss is judged again: it does not look late beside itself', async () => {
  const { relay, tools, clock, ids, letters } = aRekeyer();
  let acknowledge = (): void => undefined;
  tools.beforeSend = () => new Promise((resolve) => (acknowledge = resolve));
  const records = [aChange('a', 1), aChange('b', 2, { remove_members: ['m'] })];
  relay.assign({});
  relay.feed(0, records);
  await clock.settle();
  relay.lose();
  tools.beforeSend = async () => undefined;
  acknowledge();
  relay.assign({});
  relay.feed(0, records);
  await clock.advance(5_000);
  expect([ids().slice(-2), letters()]).toEqual([['a', 'b'], []]);
  expect(relay.committed.get(0)?.offset).toBe(2n);
});

test('ingest topic: without the lease nothing is sent, as another instance may have the topic', async () => {
  const { relay, clock, ids } = aRekeyer();
  relay.isOwner = false;
  relay.assign({});
  relay.feed(0, [aChange('a', 1)]);
  await clock.advance(3_000);
  expect(ids()).toEqual([]);
  relay.isOwner = true;
  await clock.advance(1_000);
  expect(ids()).toEqual(['a']);
});

test('ingest topic: a record without a change is committed like any other', async () => {
  const { relay, clock } = aRekeyer();
  relay.assign({});
  relay.feed(0, [{ timestamp: BASE }, { timestamp: BASE + 5 }]);
  await clock.settle();
  expect(relay.committed.get(0)).toEqual({
    partition: 0,
    offset: 2n,
    timestamp: BASE + 5,
    last: { offset: 1n, timestamp: BASE + 5 },
  });
});

test('ingest topic: what cannot be read is in the dead-letter topic with its bytes, its place and its reason', async () => {
  const { relay, clock, letters, lines, ids } = aRekeyer();
  relay.assign({});
  relay.feed(0, [
    { timestamp: BASE, value: Buffer.from('{broken'), headers: [['trace', Buffer.from('1')]] },
    aChange('a', 1),
  ]);
  await clock.settle();
  const [letter] = letters();
  const of = (name: string) => header(letter?.headers ?? [], name);
  expect(textOf(letter?.value ?? null)).toBe('{broken');
  expect([of('rollcall-reason'), of('rollcall-error-code'), of('trace')]).toEqual(['invalid', 'not_json', '1']);
  expect([of('rollcall-original-topic'), of('rollcall-original-partition'), of('rollcall-original-offset')]).toEqual([
    'from',
    '0',
    '0',
  ]);
  expect(lines).toContain('what could not be read is in the dead-letter topic');
  expect(ids()).toEqual(['a']);
});

test.each([
  ['without a change', null],
  ['that cannot be read', Buffer.from('{broken')],
])('ingest topic: a record %s makes nothing late that comes after it in its partition', async (_, value) => {
  const { relay, clock, ids, letters } = aRekeyer();
  relay.assign({}, {});
  // Records are written later than what they tell of has happened.
  const late = { timestamp: BASE + 300_000 };
  relay.feed(0, [
    { ...late, value },
    { ...aChange('state', 30, { members: ['a'], complete: true }), ...late },
  ]);
  relay.feed(1, [{ ...aChange('addition', 120), ...late }]);
  await clock.advance(REORDER_MS);
  expect(ids()).toEqual(['state', 'addition']);
  expect(letters()).toHaveLength(value === null ? 0 : 1);
  expect(relay.committed.get(0)?.offset).toBe(2n);
});

test('ingest topic: a batch that cannot be read is one letter, and the records behind it are passed on', async () => {
  const { relay, letters, ids, clock } = aRekeyer();
  const unreadable = { code: 'batch_too_large', message: 'The batch of the offsets 0 to 1 cannot be read' } as const;
  relay.assign({});
  relay.feed(0, [aChange('a', 1), { timestamp: BASE, unreadable }, aChange('b', 2)]);
  await clock.settle();
  expect(ids()).toEqual(['a', 'b']);
  expect(letters().map(({ headers }) => header(headers, 'rollcall-error-code'))).toEqual(['batch_too_large']);
  expect(header(letters()[0]?.headers ?? [], 'rollcall-original-offset')).toBe('1');
  expect(header(letters()[0]?.headers ?? [], 'rollcall-error-message')).toContain('offsets 0 to 1');
  expect(relay.committed.get(0)?.offset).toBe(3n);
});

test('ingest topic: the letter of a record is written with its changes, and not before', async () => {
  const { relay, clock, ids, letters } = aRekeyer({ format: entra });
  relay.assign({}, {});
  relay.feed(1, [], 1);
  const notification = { changeType: 'updated', resource: 'Groups/g', subscriptionId: 's' };
  const members = [{ id: 'a' }];
  const resourceData = { 'members@delta': members, eventTime: new Date(BASE).toISOString() };
  const value = [notification, { ...notification, id: 'change', resourceData }];
  relay.feed(0, [{ timestamp: BASE, value: Buffer.from(JSON.stringify(value)) }]);
  await clock.advance(REORDER_MS);
  expect([ids(), letters()]).toEqual([[], []]);
  relay.feed(1, []);
  await clock.advance(REORDER_MS);
  expect(ids()).toEqual(['change']);
  expect(letters()).toHaveLength(1);
});

test('ingest topic: events of one record are passed on one by one, and the record is done with the last', async () => {
  const { relay, clock, written, letters } = aRekeyer({ format: entra });
  relay.assign({});
  const group = (id: string, members: readonly object[]) => ({ id, displayName: id, 'members@delta': members });
  const page = {
    '@odata.context': '$metadata#groups',
    value: [
      group('g1', [{ id: 'a' }]),
      group('g2', [{ id: 'd', '@odata.type': '#microsoft.graph.device' }]),
      group('g3', [{ id: 'c' }]),
    ],
  };
  relay.feed(0, [{ timestamp: BASE, key: Buffer.from('whatever'), value: Buffer.from(JSON.stringify(page)) }]);
  await clock.settle();
  expect(written()).toMatchObject([{ group_id: 'g1' }, { group_id: 'g3' }]);
  expect(letters()).toHaveLength(1);
  expect(relay.committed.get(0)?.offset).toBe(1n);
});

test('ingest topic: a late change is judged by what went on in a former life', async () => {
  const { relay, clock, ids, letters, lines } = aRekeyer();
  relay.assign({ from: 0, committed: 1 }, {});
  relay.feed(1, [aChange('late', 1)]);
  await clock.advance(REORDER_MS);
  // Not before everything is remembered.
  expect(ids()).toEqual([]);
  relay.feed(0, [aChange('former', 5, { remove_members: ['m'] })]);
  await clock.advance(REORDER_MS);
  expect(ids()).toEqual([]);
  expect(header(letters()[0]?.headers ?? [], 'rollcall-error-code')).toBe('superseded');
  expect(lines).toContain('changes came after newer ones of the same members; they are in the dead-letter topic');
  expect(relay.committed.has(0)).toBe(false);
  expect(relay.committed.get(1)?.offset).toBe(1n);
});

test.each([
  ['events', { bufferMax: 4 }],
  ['bytes', { bufferBytesMax: 400 }],
])(
  'ingest topic: a partition that is far ahead, in %s, is read no further until the others have caught up',
  async (_, limit) => {
    const { relay, clock, ids } = aRekeyer(limit);
    relay.assign({}, {});
    relay.feed(1, [aChange('first', 0)], 1);
    const ahead = Array.from({ length: 5 }, (_, index) => aChange(`a${index}`, 10 + index));
    expect(relay.feed(0, ahead)).toBe('taken');
    expect(relay.feed(0, [aChange('more', 20)])).toBe('declined');
    expect(relay.paused).toEqual(new Set([0]));
    relay.feed(1, [aChange('last', 30)]);
    await clock.settle();
    expect(relay.paused.size).toBe(0);
    expect(ids()).toEqual(['first', 'a0', 'a1', 'a2', 'a3', 'a4']);
  },
);

test('ingest topic: records wait until their format is ready for them', async () => {
  let ready = (): void => undefined;
  let isReady = false;
  const format: SourceFormat = {
    ...native,
    prepare: () => (isReady ? null : new Promise((resolve) => (ready = resolve))),
  };
  const { relay, clock, ids } = aRekeyer({ format });
  relay.assign({});
  expect(relay.feed(0, [aChange('a', 1)])).toBe('declined');
  isReady = true;
  ready();
  await clock.settle();
  expect(relay.feed(0, [aChange('a', 1)])).toBe('taken');
  await clock.settle();
  expect(ids()).toEqual(['a']);
});

test('ingest topic: what could not be written before another instance has the topic is not written behind that one', async () => {
  const { relay, tools, clock, ids } = aRekeyer();
  let isCut = true;
  let tried = 0;
  tools.beforeSend = async () => {
    tried += 1;
    if (isCut) throw new Error('no answer');
  };
  relay.assign({});
  relay.feed(0, [aChange('old', 1)]);
  await clock.settle();
  expect(tried).toBe(1);
  // Without a lease it waits; with another assignment it is read again, from what is committed by then.
  relay.isOwner = false;
  await clock.advance(5_000);
  expect(tried).toBe(1);
  relay.lose();
  isCut = false;
  relay.isOwner = true;
  relay.assign({ from: 1 });
  relay.feed(0, [aChange('new', 2)]);
  await clock.advance(5_000);
  expect(ids()).toEqual(['new']);
});

test('ingest topic: signed tokens are verified once, and passed on', async () => {
  const verifier = new SlowVerifier();
  const { relay, clock, ids } = aRekeyer({ format: scimEvents(verifier) });
  relay.assign({});
  const tokens = ['a', 'b'].map((name) => ({ timestamp: BASE, value: Buffer.from(aToken(name)) }));
  expect(relay.feed(0, tokens)).toBe('declined');
  await clock.settle();
  expect(relay.feed(0, tokens)).toBe('taken');
  await clock.settle();
  expect(ids()).toEqual(['a', 'b']);
  expect(verifier.asked).toEqual(['a', 'b']);
});

test('ingest topic: a change that does not fit is in the dead-letter topic, and is committed', async () => {
  const { relay, clock, ids, letters } = aRekeyer({ recordMaxBytes: 500 });
  relay.assign({});
  relay.feed(0, [
    aChange('big', 1, { add_members: Array.from({ length: 100 }, (_, index) => `m${index}`) }),
    aChange('a', 2),
  ]);
  await clock.settle();
  expect(ids()).toEqual(['a']);
  expect(header(letters()[0]?.headers ?? [], 'rollcall-error-code')).toBe('too_large');
  expect(relay.committed.get(0)?.offset).toBe(2n);
});

test('ingest topic: a dead letter that is refused in its smallest form is not committed, and nothing goes on before it', async () => {
  const { broker, relay, clock, ids, letters, lines } = aRekeyer({ deadLetterMaxBytes: 100 });
  relay.assign({});
  relay.feed(0, [{ timestamp: BASE, value: Buffer.from('bad') }, aChange('a', 2)]);
  await clock.advance(120_000);
  relay.feed(0, [aChange('b', 3)]);
  await clock.advance(5_000);
  expect([ids(), letters().length]).toEqual([['a'], 0]);
  expect(relay.committed.get(0)).toBeUndefined();
  expect(lines.filter((line) => line.startsWith('a dead letter is refused')).length).toBeLessThanOrEqual(3);
  // and when the limit is raised
  broker.deleteTopic('dead-letter');
  broker.createTopic({ topic: 'dead-letter', partitionCount: 1, replicationFactor: 1, settings: {} });
  await clock.advance(15_000);
  expect([ids(), letters().length]).toEqual([['a', 'b'], 1]);
  expect(relay.committed.get(0)?.offset).toBe(3n);
});

test('ingest topic: asked to stop, it commits what is under way and leaves the rest to be read again', async () => {
  const { relay, rekeyer, tools, clock, ids } = aRekeyer();
  let acknowledge = (): void => undefined;
  tools.beforeSend = () => new Promise((resolve) => (acknowledge = resolve));
  relay.assign({}, {});
  relay.feed(1, [aChange('b', 2)], 1);
  relay.feed(0, [aChange('a', 1), aChange('c', 9)]);
  await clock.settle();
  const stopped = rekeyer.stop();
  acknowledge();
  await stopped;
  // The caller of stop may leave the group now.
  expect(relay.committed.get(0)?.offset).toBe(1n);
  await clock.advance(10_000);
  expect(ids()).toEqual(['a', 'b']);
  expect(relay.committed.get(0)?.offset).toBe(1n);
});
