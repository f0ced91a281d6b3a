/**
 * Writes records to the log so that what fails stops only what depends on it: all together at first, and after a failed send
 * one send per partition. A partition that fails is tried alone from then on, with growing pauses, until it works.
 */
import { leftOutField } from '../../core/text/repeated-causes.ts';
import type { OutRecord, SendOutcome } from '../../ports.ts';
import { pause } from '../../time.ts';
import type { Place } from '../state/outbox.ts';
import type { Owners } from '../state/owners.ts';
import { errorText } from '../../core/text/visible.ts';

export interface Addressed {
  readonly record: OutRecord;
  /** Where it fails alone. */
  readonly own: Place;
  /** Its partition may be lost by the time that it is sent. */
  readonly isWanted: () => boolean;
}

/** `unwritten`: not acknowledged, or not sent at present; `waitsFor` names the place that it waits for. */
export interface Written {
  readonly outcome: 'written' | 'too_large' | 'unwritten';
  readonly waitsFor: string | null;
}

/** Why a record waits that is too large in its smallest form. */
export const TOO_LARGE = 'MESSAGE_TOO_LARGE: the topic takes no record of this size, raise its max.message.bytes';

interface Lane {
  readonly place: Place;
  readonly records: Addressed[];
}

type Sent = ReadonlyMap<Addressed, SendOutcome> | Error;

/** Of records that are sent together, a partition of a topic. */
export const laneName = (topic: string, partition: number | string): string => `${topic}/${partition}`;

export class Writer {
  readonly #owners: Owners;

  constructor(owners: Owners) {
    this.#owners = owners;
  }

  /** Never rejects; what became of each record, in their order. */
  async write(records: readonly Addressed[]): Promise<readonly Written[]> {
    const lanes = await this.#lanesOf(records);
    const written = new Map<Addressed, SendOutcome>();
    await tryTogether(this.#owners, lanes, async (some) => {
      const sent = await this.#send(some.flatMap((lane) => lane.records));
      if (sent instanceof Error) return sent;
      this.#note(some, sent, written);
      return null;
    });
    const laneOf = new Map(lanes.flatMap(({ place, records: own }) => own.map((each) => [each, place.name])));
    return records.map((record) => this.#writtenOf(record, written.get(record), laneOf.get(record) ?? null));
  }

  #writtenOf({ own }: Addressed, outcome: SendOutcome | undefined, lane: string | null): Written {
    if (outcome === 'too_large') return { outcome, waitsFor: null };
    if (outcome === 'written') return { outcome, waitsFor: null };
    return { outcome: 'unwritten', waitsFor: outcome?.kind === 'refused' ? own.name : lane };
  }

  async #lanesOf(records: readonly Addressed[]): Promise<readonly Lane[]> {
    const lanes = new Map<string, Lane>();
    const unknown = new Set<string>();
    for (const addressed of records) {
      const { topic, partition } = addressed.record;
      const name = laneName(topic, partition ?? (await this.#partitionOf(addressed.record, unknown)));
      const place = { name, topic, act: 'write', owner: partition } as const;
      const lane = lanes.get(name) ?? { place, records: [] };
      lanes.set(name, lane);
      lane.records.push(addressed);
    }
    return [...lanes.values()];
  }

  /** Records without a key go anywhere. @param unknown topics whose partitions could not be learned just now. */
  async #partitionOf({ topic, key }: OutRecord, unknown: Set<string>): Promise<number | string> {
    if (key === null) return 'any';
    if (unknown.has(topic)) return 'unknown';
    try {
      return await this.#owners.log.partitionOf(topic, key);
    } catch {
      // The send will say why.
      unknown.add(topic);
      return 'unknown';
    }
  }

  /** The check, and the sending, in one tick. */
  async #send(records: readonly Addressed[]): Promise<Sent> {
    const wanted = records.filter(({ isWanted }) => isWanted());
    if (wanted.length === 0) return new Map();
    try {
      const outcomes = await this.#owners.log.send(wanted.map(({ record }) => record));
      // What the log does not speak of is not written.
      const unknown = { kind: 'failed', error: new Error('the log does not say what became of it') } as const;
      return new Map(wanted.map((record, i) => [record, outcomes[i] ?? unknown]));
    } catch (error) {
      return error instanceof Error ? error : new Error(errorText(error));
    }
  }

  #note(lanes: readonly Lane[], sent: ReadonlyMap<Addressed, SendOutcome>, written: Map<Addressed, SendOutcome>): void {
    const { unsettled } = this.#owners;
    for (const { place, records } of lanes) {
      if (!records.some((addressed) => sent.has(addressed))) continue;
      let problem: Error | null = null;
      for (const addressed of records) {
        const outcome = sent.get(addressed);
        if (outcome === undefined) continue;
        written.set(addressed, outcome);
        if (outcome === 'written') unsettled.clear(addressed.own.name);
        else if (outcome !== 'too_large' && outcome.kind === 'refused')
          noteFailure(this.#owners, addressed.own, outcome.error);
        else if (outcome !== 'too_large') problem = outcome.error;
      }
      if (problem === null) unsettled.clear(place.name);
      else noteFailure(this.#owners, place, problem);
    }
  }
}

/**
 * What may be tried now: together, but for what fails already; where that fails, one after the other.
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
