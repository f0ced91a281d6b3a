/** The queue before Kafka: what it has room for, whatever becomes of an offer, and in which order offers are written. */
import { describe, expect, test } from 'vitest';
import { SendQueue, UnwantedError, type SendQueueOptions, type Turn } from '../../src/ingest/send-queue.ts';
import type { OutRecord, SendOutcome } from '../../src/ports.ts';
import { aLog } from '../support/genesys.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** With it the bytes of a record are 64 and its value. */
const record = (value: string): OutRecord => ({ topic: 't', partition: null, key: null, value, headers: [] });
const large = record('x'.repeat(436));
const LARGE_BYTES = 500;

type Answer = (records: readonly OutRecord[]) => readonly SendOutcome[] | Promise<readonly SendOutcome[]>;
const allWritten: Answer = (records) => records.map(() => 'written');

function aQueue(options: Partial<SendQueueOptions> = {}) {
  const clock = new ManualClock();
  const sends: string[][] = [];
  const sink: { answer: Answer } = { answer: allWritten };
  const send = async (records: readonly OutRecord[]): Promise<readonly SendOutcome[]> => {
    sends.push(records.map(({ value }) => String(value).slice(0, 5)));
    return sink.answer(records);
  };
  const limits = { offersMax: 3, bytesMax: 2 * LARGE_BYTES, isPassing: () => true };
  const queue = new SendQueue({ tools: { send }, clock, logger: aLog(), ...limits, ...options });
  const offer = (value: string, turn?: Turn) => queue.offer([record(value)], turn);
  return { queue, clock, sends, sink, offer };
}

const failing: Answer = () => {
  throw new Error('no broker');
};

describe('the room of the queue', () => {
  /** Whether it is as empty as it was at first: so many offers, and so many bytes, and no more. */
  async function isEmpty({ queue, clock, sink }: ReturnType<typeof aQueue>): Promise<boolean> {
    await clock.settle();
    let open = (): void => undefined;
    sink.answer = (records) => new Promise((resolve) => (open = () => resolve(records.map(() => 'written'))));
    const taken = [queue.offer([large]), queue.offer([large]), queue.offer([large])].map((each) => each !== null);
    sink.answer = allWritten;
    await clock.settle();
    open();
    await clock.settle();
    const few = [1, 2, 3, 4].map((n) => queue.offer([record(String(n))]) !== null);
    await clock.settle();
    return String(taken) === 'true,true,false' && String(few) === 'true,true,true,false';
  }

  test('is free at first, and again when what was offered is written', async () => {
    const world = aQueue();
    expect(await isEmpty(world)).toBe(true);
    expect(await isEmpty(world)).toBe(true);
  });

  test('is free again when several offers of one send are written', async () => {
    const world = aQueue();
    for (const value of ['a', 'b', 'c']) void world.offer(value);
    await world.clock.settle();
    expect(await isEmpty(world)).toBe(true);
  });

  test.each<[string, SendOutcome]>([
    ['too large', 'too_large'],
    ['refused', { kind: 'refused', error: new Error('INVALID_RECORD') }],
  ])('is free again when it is %s', async (_, outcome) => {
    const world = aQueue();
    world.sink.answer = () => [outcome];
    expect(await world.queue.offer([large])).toEqual([outcome]);
    expect(await isEmpty(world)).toBe(true);
  });

  test('is free again when it may not be written any more', async () => {
    const world = aQueue();
    let turn: ReturnType<Turn> = 'later';
    const unwanted = expect(world.queue.offer([large], () => turn)).rejects.toThrow(UnwantedError);
    await world.clock.settle();
    turn = 'never';
    await world.clock.advance(500);
    await unwanted;
    expect(world.sends).toEqual([]);
    expect(await isEmpty(world)).toBe(true);
  });

  test('is free again when it is written at the second try, and not before', async () => {
    const world = aQueue();
    world.sink.answer = failing;
    const offered = world.queue.offer([large]);
    await world.clock.settle();
    expect([world.queue.offer([large]) === null, world.queue.offer([large]) === null]).toEqual([false, true]);
    world.sink.answer = allWritten;
    await world.clock.advance(2_000);
    expect(await offered).toEqual(['written']);
    expect(await isEmpty(world)).toBe(true);
  });

  test('is free for what takes its place as soon as it hears that it was refused', async () => {
    const { queue, sink } = aQueue({ offersMax: 1 });
    sink.answer = () => ['too_large'];
    const taken = await queue.offer([large])?.then(() => queue.offer([large]) !== null);
    expect(taken).toBe(true);
  });

  test('is free for what takes its place as soon as it hears that it may not be written', async () => {
    const { queue } = aQueue({ offersMax: 1 });
    const never = (): 'never' => 'never';
    const taken = await queue.offer([large], never)?.catch(() => queue.offer([large]) !== null);
    expect(taken).toBe(true);
  });

  test('is no bar to one offer alone, or it could never be written', async () => {
    const { queue } = aQueue();
    expect(await queue.offer([large, large, large])).toEqual(['written', 'written', 'written']);
  });

  test('is taken up to the last offer, and the last byte', async () => {
    const { queue, sink } = aQueue();
    sink.answer = () => new Promise(() => undefined);
    expect(queue.offer([large])).not.toBeNull();
    expect(queue.offer([record('x'.repeat(437))])).toBeNull();
    expect(queue.offer([large])).not.toBeNull();
    expect(queue.offer([record('')])).toBeNull();
  });
});

describe('what is offered', () => {
  test('while a send is under way goes out with the next, up to 2,000 records', async () => {
    const { queue, clock, sends, sink } = aQueue({ offersMax: 10, bytesMax: 10_000_000 });
    let open = (): void => undefined;
    sink.answer = (records) => new Promise((resolve) => (open = () => resolve(records.map(() => 'written'))));
    void queue.offer([record('first')]);
    await clock.settle();
    sink.answer = allWritten;
    const many = (count: number): OutRecord[] => Array.from({ length: count }, () => record('many'));
    void queue.offer(many(1_500));
    void queue.offer(many(500));
    void queue.offer(many(1));
    open();
    await clock.settle();
    expect(sends.map(({ length }) => length)).toEqual([1, 2_000, 1]);
  });

  test('is sent again after 0.5 s, 1 s, 2 s … 10 s, and nothing overtakes it', async () => {
    const { offer, clock, sends, sink } = aQueue();
    sink.answer = failing;
    const first = offer('a');
    await clock.settle();
    const second = offer('b');
    const times: number[] = [];
    for (let tries = 1; times.length < 6;) {
      await clock.advance(100);
      if (sends.length > tries) times.push(clock.now().monotonic);
      tries = sends.length;
    }
    expect(times).toEqual([500, 1_500, 3_500, 7_500, 15_500, 25_500]);
    expect(new Set(sends.flat())).toEqual(new Set(['a']));
    sink.answer = allWritten;
    await clock.advance(10_000);
    expect([await first, await second]).toEqual([['written'], ['written']]);
    expect(sends.slice(-2)).toEqual([['a'], ['b']]);
  });

  test('and fails again and again is said to be stuck, until it is written', async () => {
    const { queue, offer, clock, sink } = aQueue();
    sink.answer = failing;
    const first = offer('a');
    await clock.settle();
    expect(queue.stuck).toBeNull();
    await clock.advance(1_500);
    expect(queue.stuck).toMatch(/no broker/);
    sink.answer = allWritten;
    await clock.advance(10_000);
    expect([await first, queue.stuck]).toEqual([['written'], null]);
  });

  test('is written where its turn comes, and keeps what comes behind it waiting', async () => {
    const { offer, clock, sends } = aQueue();
    let turn: ReturnType<Turn> = 'later';
    const first = offer('a', () => turn);
    await clock.settle();
    const second = offer('b');
    await clock.advance(5_000);
    expect(sends).toEqual([]);
    turn = 'now';
    await clock.advance(500);
    expect([await first, await second]).toEqual([['written'], ['written']]);
    expect(sends).toEqual([['a'], ['b']]);
  });

  test('is given up with all behind it where no try can help, and later offers hear so', async () => {
    const { queue, offer, clock, sink, sends } = aQueue({ isPassing: () => false });
    let fail = (): void => undefined;
    sink.answer = () => new Promise((_, reject) => (fail = () => reject(new Error('not authorized'))));
    const failures = ['a', 'b'].map((value) => expect(offer(value)).rejects.toThrow('not authorized'));
    await clock.settle();
    failures.push(expect(offer('c')).rejects.toThrow('not authorized'));
    fail();
    await Promise.all(failures);
    await expect(queue.failed).rejects.toThrow('not authorized');
    await expect(offer('d')).rejects.toThrow('not authorized');
    expect(sends).toEqual([['a', 'b']]);
  });

  test('and waits for its next try is given up by a stop, at the same moment', async () => {
    const { queue, offer, clock, sink, sends } = aQueue();
    sink.answer = failing;
    const stopped = expect(offer('a')).rejects.toThrow('the queue has been stopped');
    await clock.settle();
    queue.stop();
    await stopped;
    await queue.pause(60_000);
    expect([sends.length, clock.scheduledCount]).toEqual([1, 0]);
  });

  test('and of which the log says too little is sent again', async () => {
    const { queue, clock, sends, sink } = aQueue();
    sink.answer = (records) => (sends.length === 1 ? ['written'] : records.map(() => 'written'));
    const offered = queue.offer([record('a'), record('b')]);
    await clock.advance(500);
    expect(await offered).toEqual(['written', 'written']);
    expect(sends).toEqual([['a', 'b'], ['b']]);
  });
});
