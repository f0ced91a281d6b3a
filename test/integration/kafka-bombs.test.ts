/** Batches that unpack to too much, on real brokers: they are dead letters, and `run` goes on behind them. */
import { expect, test } from 'vitest';
import { header } from '../../src/core/log/wire-intent.ts';
import { createLogTools } from '../../src/adapters/kafka/tools.ts';
import { describeNewestKafka, uniqueName } from '../support/broker.ts';
import { type Compression, sendBatch, zstdFrame } from '../support/compressed.ts';
import { kafkaHost, plaintext } from '../support/kafka-log-harness.ts';
import { openKafkaHarness, type KafkaHarness } from '../support/kafka-harness.ts';

const MB = 1024 * 1024;
const bomb = Buffer.alloc(80 * MB, 0x20);
const change = (member: string): string => JSON.stringify({ group_id: 'g', add_members: [member] });

/** As many frames as there are blocks, each with the largest window that the broker takes. */
const inFrames = (records: Buffer): Buffer =>
  Buffer.concat(
    Array.from({ length: Math.ceil(records.length / (8 * MB)) }, (_, i) =>
      zstdFrame(records.subarray(i * 8 * MB, (i + 1) * 8 * MB), { windowLog: 27 }),
    ),
  );

const ends = (harness: KafkaHarness): Promise<void> =>
  harness.until('all changes', () => harness.sandbox.members('g').includes('last'));

describeNewestKafka('a batch', ({ brokers }) => {
  test(
    'that is too large is a dead letter, a large good one is read; little memory is enough',
    { timeout: 180_000 },
    async () => {
      const harness = await openKafkaHarness(brokers);
      harness.group('g', []);
      const { source: topic } = harness.topics;
      const good = (member: string, compression: Compression = 'gzip'): Promise<void> =>
        sendBatch(brokers, { topic, compression, messages: [{ key: 'g', value: change(member) }] });
      await good('first');
      for (const compression of ['gzip', 'lz4', 'zstd'] as const) {
        const messages = [
          { key: 'g', value: change('lost') },
          { key: 'g', value: bomb },
        ];
        await sendBatch(brokers, { topic, compression, messages, ...(compression === 'zstd' && { pack: inFrames }) });
        await good(`behind-${compression}`, compression);
      }
      const padding = ' '.repeat(500_000);
      const large = Array.from({ length: 16 }, (_, i) => ({ key: 'g', value: `${change(`large-${i}`)}${padding}` }));
      await sendBatch(brokers, { topic, compression: 'lz4', messages: large });
      await good('last');

      const service = harness.process({ NODE_OPTIONS: '--max-old-space-size=160' });
      await harness.unbroken(ends(harness));
      await harness.until('the dead letters', () => harness.deadLetters.length === 3);
      await harness.committedToTheEnd();
      expect(harness.sandbox.members('g').toSorted()).toEqual(
        [
          'first',
          'last',
          ...['gzip', 'lz4', 'zstd'].map((name) => `behind-${name}`),
          ...large.map((_, i) => `large-${i}`),
        ].toSorted(),
      );
      const facts = harness.deadLetters.map(({ headers }) => [
        header(headers, 'rollcall-error-code'),
        header(headers, 'rollcall-original-offset'),
        /offsets \d+ to \d+ \(\w+\)/.exec(header(headers, 'rollcall-error-message') ?? '')?.[0],
      ]);
      expect(facts.toSorted(([, a], [, b]) => Number(a) - Number(b))).toEqual([
        ['batch_too_large', '2', 'offsets 1 to 2 (gzip)'],
        ['batch_too_large', '5', 'offsets 4 to 5 (LZ4)'],
        ['batch_too_large', '8', 'offsets 7 to 8 (Zstandard)'],
      ]);
      const reports = [...harness.operations.values()].filter(({ outcome }) => outcome === 'invalid');
      expect(reports.map(({ reason }) => reason?.code)).toEqual(Array.from({ length: 3 }, () => 'batch_too_large'));
      service.signal('SIGTERM');
      expect(await service.exited).toBe(0);
    },
  );

  test(
    'that is too large ends the reading of a topic that must be whole; others tell it',
    { timeout: 60_000 },
    async () => {
      const tools = createLogTools(plaintext(brokers), kafkaHost);
      const topic = uniqueName('bomb');
      await tools.createTopic({ topic, partitionCount: 1, replicationFactor: 1, settings: {} });
      await sendBatch(brokers, { topic, compression: 'gzip', messages: [{ key: 'k', value: bomb }] });
      await sendBatch(brokers, { topic, compression: 'gzip', messages: [{ key: 'k', value: 'behind' }] });
      const options = { from: 'beginning', follow: false, signal: AbortSignal.timeout(20_000) } as const;
      const all = async (unreadable?: 'tell'): Promise<readonly (string | undefined)[]> => {
        const codes: (string | undefined)[] = [];
        for await (const record of tools.read(topic, { ...options, ...(unreadable && { unreadable }) }))
          codes.push(record.unreadable?.code ?? Buffer.from(record.value ?? []).toString());
        return codes;
      };
      expect(await all('tell')).toEqual(['batch_too_large', 'behind']);
      await expect(all()).rejects.toMatchObject({ name: 'KafkaFailure', code: 'unreadable_batch' });
      await tools.close();
    },
  );
});
