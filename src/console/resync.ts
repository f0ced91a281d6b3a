/**
 * Writes repairs to the source topic, so that none replaces what the source has said meanwhile: each is written only while its group has
 * not moved, and is read back. Where another record of the group lies before it that it was not made of, a corrected one follows.
 */
import { idKey, isChange, type ChangeEvent } from '../core/change/change.ts';
import { wantedOf } from '../core/drift/comparison.ts';
import { correctionOf, repairOf, type Repair } from '../core/drift/repair.ts';
import { header, textHeader } from '../core/log/wire-intent.ts';
import { timeText } from '../core/report/reporting.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import { FORMAT_HEADER } from '../formats/native/native.ts';
import { nativeRecord } from '../ingest/delivery.ts';
import type { OutRecord, SendOutcome } from '../ports.ts';
import { pause } from '../time.ts';
import type { CommandContext } from './command-context.ts';
import { sourceHasMoved, type ComparedGroup, type Comparing } from './drift.ts';
import type { DriftSources } from './drift-evidence.ts';

/** Who repairs, and why; both stand in the records. */
export interface Repairing {
  readonly author: string;
  /** null: not said. */
  readonly reason: string | null;
  readonly removesForeign: boolean;
}

/** null: nothing is to be repaired. */
export type PlannedRepair =
  | { readonly kind: 'repair'; readonly repair: Repair; readonly event: ChangeEvent }
  | { readonly kind: 'refused'; readonly why: string }
  | null;

/** What became of a repair; `corrections`: how many records followed the first. */
export type WrittenRepair =
  | { readonly kind: 'written'; readonly eventId: string; readonly corrections: number }
  | { readonly kind: 'moved' }
  | { readonly kind: 'failed'; readonly why: string };

/** The uuid of a record of ours. */
const RESYNC_HEADER = 'rollcall-resync';

const CORRECTIONS_MAX = 5;
/** A record that was acknowledged and is not shown yet: a transaction of another producer is open before it. */
const LOOKS_MAX = 20;
const LOOK_MS = 500;

interface HeardChange {
  readonly event: ChangeEvent;
  /** The uuid of its record; null: no `resync` has written it. */
  readonly uuid: string | null;
}

interface Dependencies {
  readonly comparing: Comparing;
  readonly sources: DriftSources;
  readonly context: Pick<CommandContext, 'clock' | 'random'>;
}

export class Resync {
  readonly #repairing: Repairing;
  readonly #dependencies: Dependencies;
  /** By `idKey`, of the group that is written. */
  #group: string | null = null;
  /** Changes of that group since its repair was made, in their order. */
  #heard: HeardChange[] = [];

  constructor(repairing: Repairing, dependencies: Dependencies) {
    this.#repairing = repairing;
    this.#dependencies = dependencies;
    dependencies.comparing.evidence.listen((event, { headers }) => {
      if (idKey(event.group) === this.#group) this.#heard.push({ event, uuid: header(headers, RESYNC_HEADER) });
    });
  }

  plan(compared: ComparedGroup): PlannedRepair {
    if (compared.status !== 'compared' || compared.snapshot === null) return null;
    const { evidence, wanted } = this.#dependencies.comparing;
    const group = idKey(compared.group);
    const known = evidence.known(group, wanted?.get(group) ?? null);
    const planned = repairOf(compared.differences, wantedOf(known, compared.snapshot), {
      removesForeign: this.#repairing.removesForeign,
      nameOf: (member, target) => evidence.nameOf(member, target),
    });
    if (planned === null || planned.kind === 'refused') return planned;
    return { kind: 'repair', repair: planned, event: this.#eventOf(compared.group, planned, 'plan') };
  }

  /** @throws ExitError where no record of the topic may be a native one. */
  async write(compared: ComparedGroup, first: Repair): Promise<WrittenRepair> {
    const { evidence } = this.#dependencies.comparing;
    await evidence.readSource();
    if (sourceHasMoved(compared, evidence)) return { kind: 'moved' };
    this.#group = idKey(compared.group);
    this.#heard = [];
    try {
      return await this.#writeUntilRight(compared.group, first);
    } finally {
      this.#group = null;
    }
  }

  async #writeUntilRight(group: string, first: Repair): Promise<WrittenRepair> {
    const { evidence } = this.#dependencies.comparing;
    let repair = first;
    for (let corrections = 0; ; corrections += 1) {
      const uuid = this.#dependencies.context.random.uuid();
      const event = this.#eventOf(group, repair, uuid);
      const problem = await this.#send(event, uuid);
      if (problem !== null) return { kind: 'failed', why: problem };
      const before = await this.#heardBefore(uuid);
      if (before === null)
        return { kind: 'failed', why: `event resync/${uuid} is written, and cannot be read back; ${LATER}` };
      const correction = correctionOf(repair, before, (name) => evidence.memberKey(name));
      if (correction === null) return { kind: 'written', eventId: `resync/${uuid}`, corrections };
      if (corrections === CORRECTIONS_MAX) {
        const what = `other records of the group came before each of ${CORRECTIONS_MAX + 1}, and the last one has replaced what they say`;
        return { kind: 'failed', why: `${what}; ${LATER}` };
      }
      repair = correction;
    }
  }

  #eventOf(group: string, repair: Repair, uuid: string): ChangeEvent {
    const occurredAt = timeText(this.#dependencies.context.clock.now().wall);
    const said = { group, eventId: `resync/${uuid}`, occurredAt };
    if (repair.kind === 'delta') return { ...said, ...repair };
    return { ...said, ...repair, deleted: false };
  }

  /** @returns why it may not be written; null: it is. */
  async #send(event: ChangeEvent, uuid: string): Promise<string | null> {
    const { sources, comparing } = this.#dependencies;
    const { author, reason } = this.#repairing;
    const more = { actor: { displayName: author }, ...(reason !== null && { reason }) };
    const { key, value } = nativeRecord(event, more);
    const isBeside = sources.format.name !== 'native';
    const record: OutRecord = {
      topic: sources.topics.source,
      partition: comparing.evidence.partitionOf(key),
      key,
      value,
      headers: [textHeader(RESYNC_HEADER, uuid), ...(isBeside ? [textHeader(FORMAT_HEADER, 'native')] : [])],
    };
    checkReadable(record, event, sources);
    const [outcome] = await sources.tools.send([record]);
    return problemOf(outcome, sources.topics.source);
  }

  /** What others have written between what the repair was made of and the record of the repair; null: that is not shown. */
  async #heardBefore(uuid: string): Promise<readonly ChangeEvent[] | null> {
    const { comparing, context } = this.#dependencies;
    for (let looks = 1; ; looks += 1) {
      await comparing.evidence.readSource();
      // A send that was tried again may have written it twice.
      const at = this.#heard.findLastIndex((heard) => heard.uuid === uuid);
      if (at !== -1)
        return this.#heard.splice(0, at + 1).flatMap((heard) => (heard.uuid === uuid ? [] : [heard.event]));
      if (looks === LOOKS_MAX) return null;
      await pause(context.clock, LOOK_MS);
    }
  }
}

const LATER = 'compare it with `rollcall diff` once the source is quiet, and repair it again';

/** Signed events are not read beside others (docs/formats.md). */
function checkReadable({ key, value, headers }: OutRecord, event: ChangeEvent, { format, topics }: DriftSources): void {
  const bytes = { key: Buffer.from(key ?? ''), value: Buffer.from(value ?? ''), headers };
  const [read] = format.decode(bytes, { partitionCount: 2 });
  if (isChange(read) && read.kind === event.kind && read.eventId === event.eventId) return;
  const why = `${topics.source} takes no native records beside those of SOURCE_FORMAT=${format.name}`;
  throw new ExitError(EXIT.configuration, `resync: ${why}; write the full states to a file for \`rollcall apply\``);
}

function problemOf(outcome: SendOutcome | undefined, topic: string): string | null {
  if (outcome === 'written') return null;
  if (outcome === 'too_large') return `its record does not fit: raise max.message.bytes of ${topic}`;
  if (outcome === undefined || outcome.kind === 'refused')
    return `${topic} does not take its record: ${outcome?.error.message ?? ''}`;
  return `its record could not be written, or may be all the same: ${outcome.error.message}; ${LATER}`;
}
