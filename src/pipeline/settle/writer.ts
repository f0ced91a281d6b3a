/**
 * Writes records to the log so that what fails stops only what depends on it: all together at first, and after a failed send
 * one send per partition. A partition that fails is tried alone from then on, with growing pauses, until it works.
 */
import { partitionOfKey } from '../../core/log/reading.ts';
import { leftOutField } from '../../core/text/repeated-causes.ts';
import type { OutRecord, SendOutcome } from '../../ports.ts';
import { pause } from '../../time.ts';
import type { Partition } from '../state/group.ts';
import type { Owners } from '../state/owners.ts';
import type { Place } from '../state/unsettled.ts';
import { errorText } from '../../core/text/visible.ts';

export interface Addressed {
  /** On behalf of which it is written; it may be lost by the time that it is sent. */
  readonly partition: Partition;
  /** The only one under which it counts; null: it counts under any. */
  readonly epoch: number | null;
  /** Where it fails alone. */
  readonly own: Place;
  record(): OutRecord;
}

/** `unwritten`: not acknowledged, or not sent at present; `waitsFor` names the place that it waits for. */
export interface Written {
  readonly outcome: 'written' | 'too_large' | 'unwritten';
  readonly waitsFor: string | null;
}

/** Why a record waits that is too large in its smallest form. */
export const TOO_LARGE = 'MESSAGE_TOO_LARGE: the topic takes no record of this size, raise its max.message.bytes';

/** A record that is being written. */
interface Write {
  readonly addressed: Addressed;
  /** As it is sent: with its partition, where that is known. */
  record: OutRecord;
  /** Of the owner when it was rendered. */
  renderedUnder: number;
  readonly lane: Lane;
  /** null: not known. */
  outcome: SendOutcome | null;
}

/** A partition of a topic, and what is written to it in one call. */
interface Lane {
  readonly place: Place;
  readonly writes: Write[];
}

/** Of a partition of a topic. */
export const laneName = (topic: string, partition: number | string): string => `${topic}/${partition}`;

export class Writer {
  readonly #owners: Owners;

  constructor(owners: Owners) {
    this.#owners = owners;
  }

  /** Never rejects; what became of each record, in their order. */
  async write(all: readonly Addressed[]): Promise<readonly Written[]> {
    const rendered = all.map((addressed) => [addressed, addressed.record()] as const);
    const lanes = new Lanes(await this.#partitionCounts(rendered));
    const writes = rendered.map(([addressed, record]) => lanes.add(addressed, record));
    await tryTogether(this.#owners, lanes.all, (some) => this.#send(some));
    return writes.map(writtenOf);
  }

  /** By topic, where the key chooses; without those whose partitions cannot be learned just now: the send will say why. */
  async #partitionCounts(rendered: readonly (readonly [Addressed, OutRecord])[]): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    const topics = new Set<string>();
    for (const [, record] of rendered) if (isPlacedByKey(record)) topics.add(record.topic);
    for (const topic of topics) {
      try {
        counts.set(topic, await this.#owners.log.partitionCount(topic));
      } catch {
        continue;
      }
    }
    return counts;
  }

  /** The check, and the sending, in one tick. An error: all has failed. */
  async #send(lanes: readonly Lane[]): Promise<Error | null> {
    const wanted = lanes.flatMap(({ writes }) =>
      writes.filter(({ addressed }) => stillCounts(this.#owners, addressed)),
    );
    if (wanted.length === 0) return null;
    for (const write of wanted) renderAgain(write);
    try {
      const outcomes = await this.#owners.log.send(wanted.map(({ record }) => record));
      for (const [i, write] of wanted.entries()) write.outcome = outcomes[i] ?? unanswered;
    } catch (error) {
      return error instanceof Error ? error : new Error(errorText(error));
    }
    for (const lane of lanes) this.#note(lane);
    return null;
  }

  #note({ place, writes }: Lane): void {
    const { unsettled } = this.#owners;
    if (writes.every(({ outcome }) => outcome === null)) return;
    let problem: Error | null = null;
    for (const { addressed, outcome } of writes) {
      if (outcome === null) continue;
      if (outcome === 'written') {
        if (unsettled.size > 0) unsettled.clear(addressed.own.name);
      } else if (outcome !== 'too_large' && outcome.kind === 'refused')
        noteFailure(this.#owners, addressed.own, outcome.error);
      else if (outcome !== 'too_large') problem = outcome.error;
    }
    if (problem === null) unsettled.clear(place.name);
    else noteFailure(this.#owners, place, problem);
  }
}

/** Its partition is ours, and its epoch is known. */
export const isWritable = ({ partitions }: Pick<Owners, 'partitions'>, partition: Partition): boolean =>
  partitions.isCurrent(partition) && partition.isRestored;

/** Readers take the record for valid if it is written now. */
const stillCounts = (owners: Owners, { partition, epoch }: Addressed): boolean =>
  isWritable(owners, partition) && (epoch === null || partition.ownership.epoch === epoch);

/** Its partition was kept through a join while others were written. */
function renderAgain(write: Write): void {
  const { addressed, record, renderedUnder } = write;
  const { epoch } = addressed.partition.ownership;
  if (renderedUnder === epoch) return;
  write.record = { ...addressed.record(), partition: record.partition };
  write.renderedUnder = epoch;
}

/** Of a record that the log's answer leaves out. */
const unanswered: SendOutcome = { kind: 'failed', error: new Error('the log does not say what became of it') };

const WRITTEN: Written = { outcome: 'written', waitsFor: null };

function writtenOf({ addressed, lane, outcome }: Write): Written {
  if (outcome === 'written') return WRITTEN;
  if (outcome === 'too_large') return { outcome, waitsFor: null };
  return { outcome: 'unwritten', waitsFor: outcome?.kind === 'refused' ? addressed.own.name : lane.place.name };
}

const isPlacedByKey = ({ partition, key }: OutRecord): boolean => partition === null && key !== null;

/** Of one call. */
class Lanes {
  readonly all: Lane[] = [];
  readonly #partitionCounts: ReadonlyMap<string, number>;
  readonly #byTopic = new Map<string, Map<number | string, Lane>>();
  /** Reports on one request follow each other under one key: to hash it once takes 6 % less of the writer's time. */
  #lastHashed: { readonly topic: string; readonly key: OutRecord['key']; readonly partition: number } | null = null;

  constructor(partitionCounts: ReadonlyMap<string, number>) {
    this.#partitionCounts = partitionCounts;
  }

  add(addressed: Addressed, record: OutRecord): Write {
    const partition = record.partition ?? this.#partitionOf(record);
    const lane = this.#laneOf(record, partition ?? (record.key === null ? 'any' : 'unknown'));
    const { epoch: renderedUnder } = addressed.partition.ownership;
    const write = { addressed, record: { ...record, partition }, renderedUnder, lane, outcome: null };
    lane.writes.push(write);
    return write;
  }

  /** null: a record without a key goes anywhere. */
  #partitionOf({ topic, key }: OutRecord): number | null {
    const count = this.#partitionCounts.get(topic);
    if (key === null || count === undefined) return null;
    if (this.#lastHashed?.topic !== topic || this.#lastHashed.key !== key)
      this.#lastHashed = { topic, key, partition: partitionOfKey(Buffer.from(key), count) };
    return this.#lastHashed.partition;
  }

  #laneOf({ topic, partition: owner }: OutRecord, partition: number | string): Lane {
    const lanes = this.#byTopic.get(topic) ?? new Map<number | string, Lane>();
    this.#byTopic.set(topic, lanes);
    let lane = lanes.get(partition);
    if (lane === undefined) {
      lane = { place: { name: laneName(topic, partition), topic, act: 'write', owner }, writes: [] };
      lanes.set(partition, lane);
      this.all.push(lane);
    }
    return lane;
  }
}

/**
 * Tries what is due together, and what failed last time one after the other; where the common try fails, all of it.
 * @param attempt an error: it has failed.
 */
export async function tryTogether<T extends { readonly place: Place }>(
  owners: Owners,
  all: readonly T[],
  attempt: (some: readonly T[]) => Promise<Error | null>,
): Promise<void> {
  const { unsettled, clock } = owners;
  const due = all.filter(({ place }) => !unsettled.isWaiting(place.name, clock.now()));
  const alone = due.filter(({ place }) => unsettled.isFailing(place.name));
  const together = due.filter((one) => !alone.includes(one));
  const [first] = together;
  const error = first === undefined ? null : await attempt(together);
  const isSplit = error !== null && together.length > 1;
  if (error !== null && first !== undefined && !isSplit) noteFailure(owners, first.place, error);
  await tryEach(owners, isSplit ? [...alone, ...together] : alone, (one) => attempt([one]));
}

/** With so many failures in a row the log as a whole is taken to be away: each try may take seconds. */
const FAILURES_IN_A_ROW_MAX = 2;

/**
 * One after the other, the one that was tried last at the end, so that none is passed over for ever.
 * @param attempt an error: it has failed.
 */
export async function tryEach<T extends { readonly place: Place }>(
  owners: Pick<Owners, 'partitions' | 'unsettled' | 'clock' | 'logger'>,
  all: readonly T[],
  attempt: (one: T) => Promise<Error | null>,
): Promise<void> {
  const { unsettled, clock } = owners;
  const inTurn = all.toSorted((a, b) => unsettled.triedAt(a.place.name) - unsettled.triedAt(b.place.name));
  let failures = 0;
  let last: Error | null = null;
  for (const one of inTurn) {
    if (last !== null && failures >= FAILURES_IN_A_ROW_MAX) {
      unsettled.postpone(one.place, errorText(last), clock.now());
      continue;
    }
    last = await attempt(one);
    failures = last === null ? 0 : failures + 1;
    if (last !== null) noteFailure(owners, one.place, last);
  }
}

const messages: Readonly<Record<Place['act'], string>> = {
  write: 'records cannot be written, trying again; what depends on them is not committed',
  commit: 'offsets cannot be committed, trying again',
  read: 'Kafka does not answer, trying again',
};

export function noteFailure(
  { partitions, unsettled, clock, logger }: Pick<Owners, 'partitions' | 'unsettled' | 'clock' | 'logger'>,
  place: Place,
  error: unknown,
): void {
  const { topic, act, owner } = place;
  // Lost meanwhile.
  if (owner !== null && partitions.get(owner) === undefined) return;
  const leftOut = unsettled.fail(place, errorText(error), clock.now());
  if (leftOut === null) return;
  logger.warn({ topic, place: place.name, error: errorText(error), ...leftOutField(leftOut) }, messages[act]);
}

/** Tries again until it works or is not wanted any more; undefined: not wanted. */
export async function persist<T>(
  owners: Owners,
  place: Place,
  task: () => Promise<T>,
  isWanted: () => boolean,
): Promise<T | undefined> {
  const { unsettled } = owners;
  try {
    for (let delayMs = 100; isWanted(); delayMs = Math.min(2 * delayMs, 5_000)) {
      try {
        return await task();
      } catch (error) {
        noteFailure(owners, place, error);
        await pause(owners.clock, delayMs);
      }
    }
    return undefined;
  } finally {
    unsettled.clear(place.name);
  }
}
