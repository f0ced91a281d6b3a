/**
 * Writes repairs to the source topic, so that none replaces what the source has said meanwhile: each is written only while its group has
 * not moved, and is read back. Where another record of the group lies before it that it was not made of, a corrected one follows.
 */
import { idKey, isChange, positionText, type ChangeEvent } from '../core/change/change.ts';
import { correctionOf, type Repair } from '../core/drift/repair.ts';
import { header, textHeader } from '../core/log/wire-intent.ts';
import { timeText } from '../core/report/reporting.ts';
import { errorText, visibleJson } from '../core/text/visible.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import { FORMAT_HEADER } from '../formats/native/native.ts';
import { nativeRecord } from '../ingest/delivery.ts';
import type { OutRecord, SendOutcome } from '../ports.ts';
import { pause } from '../time.ts';
import type { CommandContext } from './command-context.ts';
import { sourceHasMoved, type Comparing, type NamedGroup } from './drift.ts';
import type { DriftSources } from './drift-evidence.ts';

/** Who writes, and why; both stand in the records. */
export interface Writing {
  /** What the ids of its events begin with, and the name of its header ends in. */
  readonly command: 'resync' | 'undo';
  readonly author: string;
  /** null: not said. */
  readonly reason: string | null;
}

/**
 * What became of a repair; `corrections`: how many records followed the first. `owed`: the events that the source still needs, each as the
 * value of a native record, since what it had said is replaced.
 */
export type WrittenRepair =
  | { readonly kind: 'written'; readonly eventId: string; readonly corrections: number }
  | { readonly kind: 'moved' }
  | { readonly kind: 'failed'; readonly why: string; readonly owed: readonly string[] };

const CORRECTIONS_MAX = 5;
/** A record that was acknowledged and is not shown yet: a transaction of another producer is open before it. */
const LOOKS_MAX = 20;
const LOOK_MS = 500;

interface HeardChange {
  readonly event: ChangeEvent;
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** The uuid of its record; null: this command has not written it. */
  readonly uuid: string | null;
}

/** `unwritten`: for certain. `lost`: it may be written, or not. */
type Sent = 'written' | { readonly kind: 'unwritten' | 'lost'; readonly why: string };

/** What was heard before the record; `null`: that cannot be said. */
type ReadBack = { readonly before: readonly HeardChange[] } | { readonly before: null; readonly why: string };

interface Dependencies {
  readonly comparing: Comparing;
  readonly sources: DriftSources;
  readonly context: Pick<CommandContext, 'clock' | 'random'>;
}

export class SourceWriter {
  readonly #writing: Writing;
  /** Its value is the uuid of a record of ours. */
  readonly #header: string;
  readonly #dependencies: Dependencies;
  /** By `idKey`, of the group that is written. */
  #group: string | null = null;
  /** Batches that could not be unpacked when the comparison began; it knows of those. */
  readonly #problemCount: number;
  /** Changes of that group since its repair was made, in their order. */
  #heard: HeardChange[] = [];

  constructor(writing: Writing, dependencies: Dependencies) {
    this.#writing = writing;
    this.#header = `rollcall-${writing.command}`;
    this.#dependencies = dependencies;
    this.#problemCount = dependencies.comparing.evidence.problems.length;
    const topic = dependencies.sources.topics.source;
    dependencies.comparing.evidence.listen(({ event }, { headers, partition, offset }) => {
      if (idKey(event.group) !== this.#group) return;
      this.#heard.push({ event, topic, partition, offset, uuid: header(headers, this.#header) });
    });
  }

  /** As it would be written. */
  eventOf(group: string, repair: Repair): ChangeEvent {
    return this.#eventOf(group, repair, 'plan');
  }

  /** @throws ExitError where no record of the topic may be a native one. */
  async write(compared: NamedGroup, first: Repair): Promise<WrittenRepair> {
    const { evidence } = this.#dependencies.comparing;
    await evidence.readSource();
    if (sourceHasMoved(compared, evidence)) return { kind: 'moved' };
    const unreadable = this.#newProblem();
    if (unreadable !== null) return { kind: 'failed', why: `nothing is written: ${unreadable}; ask again`, owed: [] };
    this.#group = idKey(compared.group);
    this.#heard = [];
    try {
      return await this.#writeUntilRight(compared.group, first);
    } finally {
      this.#group = null;
    }
  }

  /** Why it is not known what the source has said meanwhile; null: it is. */
  #newProblem(): string | null {
    return this.#dependencies.comparing.evidence.problems[this.#problemCount] ?? null;
  }

  async #writeUntilRight(group: string, first: Repair): Promise<WrittenRepair> {
    const { comparing, sources, context } = this.#dependencies;
    const keyOf = (name: string): string => comparing.evidence.memberKey(name);
    let [repair, carried, owed]: [Repair, readonly HeardChange[], Owed | null] = [first, [], null];
    const earlier = new Set<string | null>();
    // Also of the corrections: only within a partition is each applied after what it corrects.
    const partition = comparing.evidence.partitionOf(idKey(group));
    for (let corrections = 0; ; corrections += 1) {
      const uuid = context.random.uuid();
      const event = this.#eventOf(group, repair, uuid);
      const sent = await this.#send(event, uuid, partition);
      if (sent !== 'written' && sent.kind === 'unwritten') return this.#failed(group, sent.why, owed);
      const back = await this.#readBack(uuid);
      if (back.before === null) {
        const place = `${sources.topics.source}, partition ${partition}`;
        return this.#failed(group, lostText(event, place, sent, back.why), owed);
      }
      // It has replaced what lies between, which the correction does not contain.
      if (back.before.some((each) => each.uuid !== null && earlier.has(each.uuid)))
        return this.#failed(group, 'an earlier event of this repair was written twice, with others in between', owed);
      earlier.add(uuid);
      const between = [...carried, ...back.before];
      const correction = correctionOf(
        repair,
        between.map((each) => each.event),
        keyOf,
      );
      if (correction === null) return { kind: 'written', eventId: event.eventId ?? '', corrections };
      owed = owedOver(repair, between, keyOf);
      if (corrections === CORRECTIONS_MAX)
        return this.#failed(
          group,
          `other records of the group came before each of ${CORRECTIONS_MAX + 1} events`,
          owed,
        );
      carried = between.slice(between.length - correction.restCount);
      repair = correction.repair;
    }
  }

  #failed(group: string, why: string, owed: Owed | null): WrittenRepair {
    if (owed === null) return { kind: 'failed', why, owed: [] };
    const { topics, format } = this.#dependencies.sources;
    const marked = format.name === 'native' ? '' : ` and the header ${FORMAT_HEADER}: native`;
    const remedy = `write what follows to ${topics.source}, in this order, with the key ${idKey(group)}${marked}`;
    return {
      kind: 'failed',
      why: `${why}; the last has replaced what ${owed.places} says of ${namesText(owed.repairs)}, so \`rollcall diff\` no longer shows that: ${remedy}`,
      owed: owed.repairs.map((repair) => {
        const event = this.#eventOf(group, repair, this.#dependencies.context.random.uuid());
        return visibleJson(nativeRecord(event).value);
      }),
    };
  }

  #eventOf(group: string, repair: Repair, uuid: string): ChangeEvent {
    const occurredAt = timeText(this.#dependencies.context.clock.now().wall);
    const said = { group, eventId: `${this.#writing.command}/${uuid}`, occurredAt };
    return { ...said, ...repair };
  }

  async #send(event: ChangeEvent, uuid: string, partition: number): Promise<Sent> {
    const { sources } = this.#dependencies;
    const { command, author, reason } = this.#writing;
    const more = { actor: { displayName: author }, ...(reason !== null && { reason }) };
    const { key, value } = nativeRecord(event, more);
    const isBeside = sources.format.name !== 'native';
    const record: OutRecord = {
      topic: sources.topics.source,
      partition,
      key,
      value,
      headers: [textHeader(this.#header, uuid), ...(isBeside ? [textHeader(FORMAT_HEADER, 'native')] : [])],
    };
    if (!isReadable(record, event, sources))
      throw new ExitError(EXIT.configuration, `${command}: ${unreadText(command, sources)}`);
    try {
      const [outcome] = await sources.tools.send([record]);
      return sentOf(outcome, sources.topics.source, command);
    } catch (error) {
      return { kind: 'lost', why: errorText(error) };
    }
  }

  /** What others have written between what the repair was made of and its record. */
  async #readBack(uuid: string): Promise<ReadBack> {
    const { comparing, context } = this.#dependencies;
    for (let looks = 1; ; looks += 1) {
      const problem = await comparing.evidence.readSource().then(() => this.#newProblem(), errorText);
      // A send that was tried again may have written it twice.
      const at = this.#heard.findLastIndex((heard) => heard.uuid === uuid);
      if (at !== -1 && problem === null) return this.#takeBefore(at, uuid);
      if (looks === LOOKS_MAX) return { before: null, why: problem ?? 'the topic does not show it' };
      await pause(context.clock, LOOK_MS);
    }
  }

  /** Of other partitions it is not known what came first, so all counts. */
  #takeBefore(at: number, uuid: string): ReadBack {
    const heard = this.#heard;
    const own = heard[at]?.partition;
    const isBefore = heard.map(({ partition }, index) => index <= at || partition !== own);
    this.#heard = heard.filter((_, index) => isBefore[index] === false);
    return { before: heard.filter((each, index) => isBefore[index] === true && each.uuid !== uuid) };
  }
}

/** What the source has said and a repair has replaced. */
interface Owed {
  /** Where it stands, each `topic/partition/offset`. */
  readonly places: string;
  /** What says it again, in this order. */
  readonly repairs: readonly Repair[];
}

const NAMES_MAX = 5;

function owedOver(written: Repair, between: readonly HeardChange[], keyOf: (name: string) => string): Owed {
  const repairs: Repair[] = [];
  let [repair, left] = [written, between];
  for (;;) {
    const correction = correctionOf(
      repair,
      left.map(({ event }) => event),
      keyOf,
    );
    if (correction === null) break;
    repairs.push(correction.repair);
    repair = correction.repair;
    left = left.slice(left.length - correction.restCount);
  }
  const replaced = between.filter(({ event }) => correctionOf(written, [event], keyOf) !== null);
  const places = (replaced.length === 0 ? between : replaced).map((heard) => positionText({ ...heard, index: null }));
  return { places: firstOf(places), repairs };
}

function namesText(repairs: readonly Repair[]): string {
  if (repairs.some(({ kind }) => kind === 'state')) return 'all members';
  return firstOf(repairs.flatMap((repair) => (repair.kind === 'delta' ? [...repair.add, ...repair.remove] : [])));
}

const firstOf = (names: readonly string[]): string =>
  `${names.slice(0, NAMES_MAX).join(', ')}${names.length > NAMES_MAX ? ` and ${names.length - NAMES_MAX} more` : ''}`;

/** Signed events are not read beside others (docs/formats.md). */
function isReadable({ key, value, headers }: OutRecord, event: ChangeEvent, { format }: DriftSources): boolean {
  const bytes = { key: Buffer.from(key ?? ''), value: Buffer.from(value ?? ''), headers };
  const [read] = format.decode(bytes, { partitionCount: 2 });
  return isChange(read) && read.kind === event.kind && read.eventId === event.eventId;
}

const INSTEAD: Readonly<Record<Writing['command'], string>> = {
  resync: 'write the full states to a file for `rollcall apply`',
  undo: 'write the changes to a file for `rollcall apply`, or undo them at the identity provider',
};

const unreadText = (command: Writing['command'], { format, topics }: DriftSources): string =>
  `${topics.source} takes no native records beside those of SOURCE_FORMAT=${format.name}; ${INSTEAD[command]}`;

function lostText({ eventId }: ChangeEvent, place: string, sent: Sent, why: string): string {
  const what = sent === 'written' ? 'is written' : `may be written, or not (${sent.why})`;
  const remedy =
    'look for it there: where records of the group lie just before it that say otherwise, write what they say once more; where it is not there, repair the group again';
  return `event ${eventId} ${what}, and cannot be read back from ${place} (${why}); ${remedy}`;
}

const SMALLER: Readonly<Record<Writing['command'], string>> = {
  resync: '',
  undo: ', or undo one part of the time after the other (--since, --until), and one group at a time (--group)',
};

function sentOf(outcome: SendOutcome | undefined, topic: string, command: Writing['command']): Sent {
  if (outcome === 'written') return 'written';
  if (outcome === 'too_large')
    return {
      kind: 'unwritten',
      why: `its record does not fit: raise max.message.bytes of ${topic}${SMALLER[command]}`,
    };
  if (outcome?.kind === 'failed') return { kind: 'lost', why: outcome.error.message };
  return { kind: 'unwritten', why: `${topic} does not take its record: ${outcome?.error.message ?? 'no answer'}` };
}
