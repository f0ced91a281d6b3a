/** What the consumer hands on, and where it stands: kafkajs goes on from what is resolved, or from where a seek says. */
import type { Batch as KafkaBatch, ConsumerStartBatchProcessEvent, EachBatchPayload, KafkaMessage } from 'kafkajs';
import { beforeEach, describe, expect, test } from 'vitest';
import { Intake, type IntakeOptions } from '../../src/adapters/kafka/intake.ts';
import type { Batch } from '../../src/ports.ts';
import { stubOf } from '../support/stub.ts';

const topics = { source: 's', retry: 'r' };

let now = 0;
let calls: (readonly [name: string, ...facts: unknown[]])[] = [];
let taken: Batch[] = [];
let gone: (readonly [topic: string, partition: number])[] = [];
let answer: 'taken' | 'declined' = 'taken';

beforeEach(() => {
  now = 0;
  calls = [];
  taken = [];
  gone = [];
  answer = 'taken';
});

function anIntake(): Intake {
  const session: IntakeOptions['session'] = {
    seek: (topic, partition, offset) => void calls.push(['seek', topic, partition, String(offset)]),
    pause: (topic, partitions) => void calls.push(['pause', topic, partitions]),
    resume: (topic, partition) => void calls.push(['resume', topic, [partition]]),
    guard: (call) => call(),
  };
  const handler = {
    records: (batch: Batch) => {
      taken.push(batch);
      return answer;
    },
    offsetOutOfRange: (topic: string, partition: number) => void gone.push([topic, partition]),
  };
  const clock = { now: () => ({ wall: 1_000_000 + now, monotonic: now }) };
  const intake = new Intake({ session, topics, handler, clock });
  intake.assign([0, 1]);
  return intake;
}

interface Fetched {
  readonly topic?: string;
  readonly partition?: number;
  readonly isStale?: boolean;
}

/** Offsets 5 and 6 of the source, whose end is 9. */
function aBatch({ topic = 's', partition = 0, isStale = false }: Fetched = {}) {
  const resolved: string[] = [];
  const messages = ['5', '6'].map((offset) =>
    stubOf<KafkaMessage>({ offset, key: null, value: null, timestamp: '1', headers: {} }),
  );
  const batch = stubOf<KafkaBatch>({ topic, partition, highWatermark: '9', messages, lastOffset: () => '6' });
  const payload = stubOf<EachBatchPayload>({
    batch,
    resolveOffset: (offset: string) => void resolved.push(offset),
    isStale: () => isStale,
  });
  return { payload, resolved };
}

function anEmptyBatch(batchSize = 0): ConsumerStartBatchProcessEvent['payload'] {
  const facts = { topic: 's', partition: 0, batchSize, lastOffset: '6', highWatermark: '9' };
  return facts as ConsumerStartBatchProcessEvent['payload'];
}

describe('a batch', () => {
  test('that is taken is resolved to its last record, and tells where the topic ends', () => {
    const { payload, resolved } = aBatch();
    anIntake().take(payload);
    expect(taken).toMatchObject([{ topic: 'source', partition: 0, nextOffset: 7n, endOffset: 9n }]);
    expect(taken[0]?.records.map(({ offset }) => offset)).toEqual([5n, 6n]);
    expect(resolved).toEqual(['6']);
  });

  test('of the retry topic is reported as such', () => {
    anIntake().take(aBatch({ topic: 'r', partition: 1 }).payload);
    expect(taken).toMatchObject([{ topic: 'retry', partition: 1 }]);
  });

  test('that is declined is not resolved, so that it comes again', () => {
    answer = 'declined';
    const intake = anIntake();
    const { payload, resolved } = aBatch();
    intake.take(payload);
    expect([taken.length, resolved]).toEqual([1, []]);
    now = 10_000;
    expect(intake.standing(10_000).map(({ topic }) => topic)).toContain('source');
  });

  test.each<[string, (intake: Intake) => void, Fetched]>([
    ['was fetched before a seek that is pending', () => undefined, { isStale: true }],
    ['was fetched before its partition was paused', (intake) => intake.pause('source', 0), {}],
    ['is of a partition that is not assigned', () => undefined, { partition: 2 }],
    ['comes after the end of the consumer', (intake) => intake.close(), {}],
  ])('that %s is neither handed on nor resolved', (_, before, fetched) => {
    const intake = anIntake();
    before(intake);
    const { payload, resolved } = aBatch(fetched);
    intake.take(payload);
    expect([taken, resolved]).toEqual([[], []]);
  });

  test('of a partition that goes on again is handed on', () => {
    const intake = anIntake();
    intake.pause('source', 0);
    intake.resume('source', 0);
    intake.take(aBatch().payload);
    expect(taken).toHaveLength(1);
    expect(calls).toEqual([
      ['pause', 's', [0]],
      ['resume', 's', [0]],
    ]);
  });

  test('of no records moves the position, which kafkajs passes over by itself', () => {
    const intake = anIntake();
    intake.passOver(anEmptyBatch());
    expect(taken).toEqual([{ topic: 'source', partition: 0, records: [], nextOffset: 7n, endOffset: 9n }]);
    expect(intake.standing(0).find(({ topic, partition }) => topic === 'source' && partition === 0)?.offset).toBe(7n);
  });

  test.each<[string, (intake: Intake) => void, number]>([
    ['with records is handed on by kafkajs in another call', () => undefined, 2],
    ['of no records is not handed on for a paused partition', (intake) => intake.pause('source', 0), 0],
  ])('%s', (_, before, batchSize) => {
    const intake = anIntake();
    before(intake);
    intake.passOver(anEmptyBatch(batchSize));
    expect(taken).toEqual([]);
  });
});

describe('a seek', () => {
  test('leads to where it says, and the position is there', () => {
    const intake = anIntake();
    now = 500;
    intake.seek('retry', 1, 12n);
    expect(calls).toEqual([['seek', 'r', 1, '12']]);
    expect(intake.standing(0).find(({ topic, partition }) => topic === 'retry' && partition === 1)).toMatchObject({
      offset: 12n,
      since: 500,
    });
  });

  test.each<[string, (intake: Intake) => void, number]>([
    ['of a partition that is not assigned', () => undefined, 2],
    ['after the end of the consumer', (intake) => intake.close(), 0],
  ])('%s does nothing', (_, before, partition) => {
    const intake = anIntake();
    before(intake);
    intake.seek('source', partition, 12n);
    expect(calls).toEqual([]);
  });
});

describe('a hole in the topic', () => {
  const placeOf = (intake: Intake) => intake.standing(0).find(({ topic }) => topic === 'source');

  test('is passed by a seek behind it', () => {
    const intake = anIntake();
    const place = placeOf(intake);
    if (place !== undefined) intake.skip(place, 20n);
    expect(taken).toEqual([{ topic: 'source', partition: 0, records: [], nextOffset: 20n, endOffset: 20n }]);
    expect(calls).toEqual([['seek', 's', 0, '20']]);
  });

  test.each<[string, (intake: Intake) => void]>([
    ['whose partition was assigned again meanwhile', (intake) => intake.assign([0, 1])],
    ['whose partition is paused', (intake) => intake.pause('source', 0)],
  ])('%s is left alone', (_, meanwhile) => {
    const intake = anIntake();
    const place = placeOf(intake);
    meanwhile(intake);
    if (place !== undefined) intake.skip(place, 20n);
    expect([taken, calls.filter(([name]) => name === 'seek')]).toEqual([[], []]);
  });

  test('that may not be passed yet is not', () => {
    answer = 'declined';
    const intake = anIntake();
    const place = placeOf(intake);
    if (place !== undefined) intake.skip(place, 20n);
    expect(calls).toEqual([]);
  });
});

describe('a partition', () => {
  const standingAfter = (intake: Intake, ms: number) =>
    intake.standing(ms).map(({ topic, partition }) => `${topic}/${partition}`);

  test('stands still from its last step on, and not while it is paused', () => {
    const intake = anIntake();
    now = 3_000;
    intake.take(aBatch().payload);
    intake.pause('source', 1);
    now = 5_999;
    expect(standingAfter(intake, 3_000)).toEqual(['retry/0', 'retry/1']);
    now = 6_000;
    expect(standingAfter(intake, 3_000)).toEqual(['source/0', 'retry/0', 'retry/1']);
    intake.resume('source', 1);
    expect(standingAfter(intake, 3_000)).not.toContain('source/1');
  });

  test('that was read to its end does not stand still', () => {
    const intake = anIntake();
    now = 3_000;
    for (const place of intake.standing(3_000)) intake.waits(place);
    expect(standingAfter(intake, 3_000)).toEqual([]);
  });

  test('whose next offset is gone has no known position', () => {
    const intake = anIntake();
    intake.take(aBatch().payload);
    intake.outOfRange('s', 0);
    intake.outOfRange('s', 7);
    expect(gone).toEqual([['source', 0]]);
    expect(intake.standing(0)[0]?.offset).toBeNull();
  });
});

test('the partitions are those of the source', () => {
  expect(anIntake().partitions()).toEqual([0, 1]);
});
