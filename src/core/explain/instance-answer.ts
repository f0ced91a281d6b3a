/** What running instances say of a group (`/explain` of their admin servers): how far they have read, and what they have pending. */
import { z } from 'zod';
import { OFFSET_PATTERN, idKey, type Position } from '../change/change.ts';
import { pausesAmong, type GivenPause, type PausesOf } from '../log/pause-record.ts';
import { timeText } from '../report/reporting.ts';
import { ServiceNames } from '../log/service.ts';
import { quotedForShell } from '../text/visible.ts';
import type { Reading } from './verdict.ts';

const PendingChange = z.object({
  group: z
    .string()
    .optional()
    .meta({ description: 'as the source names it; absent: the instance is of an older version, and does not say' }),
  member: z.string().meta({ description: 'as the source names it; empty: a full state' }),
  target: z
    .string()
    .nullable()
    .meta({ description: 'what Genesys Cloud calls the member; null: not resolved, or a full state' }),
  topic: z.string(),
  partition: z.int().min(0),
  offset: z.string().regex(OFFSET_PATTERN),
  op: z.enum(['add', 'remove', 'state']),
  state: z.enum(['queued', 'in_flight', 'parked', 'held', 'dead']),
  paused: z
    .object({ name: z.string().nullable(), author: z.string(), reason: z.string(), since: z.int().min(0) })
    .optional()
    .meta({
      description:
        'by which name (null: all is), by whom and since when (epoch ms) its group is paused; absent: it is not',
    }),
  attempt: z.int().min(0),
  not_before: z.int().min(0).meta({ description: 'epoch ms; 0: now' }),
});

export type PendingChange = z.infer<typeof PendingChange>;

const OwnedPartition = z.object({
  partition: z.int().min(0),
  epoch: z.int().min(0).meta({ description: 'of two instances that name one partition the higher one owns it' }),
  phase: z.string().meta({ description: '`running`: it works; else it is restored, catches up, or is refused' }),
  next_offset: z.string().regex(/^\d+$/).nullable().meta({ description: 'what it reads next; null: not known yet' }),
});

type OwnedPartition = z.infer<typeof OwnedPartition>;

export const InstanceAnswer = z
  .object({
    partitions: z.array(OwnedPartition).meta({ description: 'of the source, those that this instance owns' }),
    service: ServiceNames.optional().meta({ description: 'absent: an older version does not say' }),
    shadow: z.literal(true).optional().meta({ description: 'it sends nothing that changes a group; absent: it does' }),
    breaker: z.string().nullable().meta({ description: 'why nothing is sent at present; null: it is' }),
    intake: z
      .literal('full')
      .optional()
      .meta({ description: 'so much is pending that no more of the source is read; absent: it is read' }),
    intents: z.array(PendingChange).meta({
      description: 'of each group that the source or Genesys Cloud names as was asked: one id may name two',
    }),
    left_out: z.int().min(0).meta({ description: 'intents beyond the first 10,000' }),
  })
  .meta({ title: 'Rollcall instance: what it has of a group' });

export type InstanceAnswer = z.infer<typeof InstanceAnswer>;

/** Without what it has of another group. @param isOther by the source's name of a group */
export const withoutOthers = (answer: InstanceAnswer, isOther: (group: string) => boolean): InstanceAnswer => ({
  ...answer,
  intents: answer.intents.filter(({ group }) => group === undefined || !isOther(group)),
});

interface Owner extends OwnedPartition {
  /** One for each name of the group that it was asked for. */
  readonly answers: readonly InstanceAnswer[];
}

/** The answers of several, each about what it owns: one that has lost a partition, and has not noticed yet, is overruled. */
export class InstanceMemory {
  readonly #owners = new Map<number, Owner>();

  constructor(answers: readonly InstanceAnswer[]) {
    for (const answer of answers) {
      for (const owned of answer.partitions) {
        const known = this.#owners.get(owned.partition);
        if (known === undefined || owned.epoch > known.epoch)
          this.#owners.set(owned.partition, { ...owned, answers: [answer] });
        else if (owned.epoch === known.epoch)
          this.#owners.set(owned.partition, { ...known, answers: [...known.answers, answer] });
      }
    }
  }

  /** Its owner has said all that it has: it has read the live records, and nothing was left out. */
  knows(partition: number): boolean {
    const owner = this.#owners.get(partition);
    if (owner === undefined || owner.next_offset === null || owner.phase === 'restoring') return false;
    return owner.answers.every(({ left_out: leftOut }) => leftOut === 0);
  }

  /**
   * Why what is queued there is not sent at present; null: nothing keeps it.
   * @param pauses as the retry topic says: an instance names one of several; null: none
   */
  obstacleOf(partition: number, pauses: string | null = null): string | null {
    const owner = this.#owners.get(partition);
    if (owner === undefined) return null;
    if (owner.phase !== 'running') return `its partition is ${owner.phase.replaceAll('_', ' ')}`;
    const paused = this.#pauseIn(owner, partition);
    if (paused !== undefined) return pauses ?? pauseText(paused);
    const breaker = owner.answers[0]?.breaker ?? null;
    return breaker === null ? null : `the breaker is open: ${breaker}`;
  }

  /** Why the rest of the partition is not read at present; null: nothing keeps it. */
  intakeObstacleOf(partition: number): string | null {
    const isFull = this.#owners.get(partition)?.answers.some(({ intake }) => intake === 'full') === true;
    return isFull ? 'too much is pending: MAX_PENDING_INTENTS; rollcall status' : null;
  }

  /** Of the group that was asked for. */
  #pauseIn({ answers }: Owner, partition: number): PendingChange['paused'] {
    const intents = answers.flatMap((answer) => answer.intents);
    return intents.find((intent) => intent.partition === partition && intent.paused !== undefined)?.paused;
  }

  *intents(): Generator<PendingChange> {
    for (const { partition, answers } of this.#owners.values()) {
      const intents = answers.flatMap((answer) => answer.intents);
      yield* intents.filter((intent) => intent.partition === partition);
    }
  }

  /** @param committed the next source offset of the consumer group */
  readingOf({ partition, offset }: Pick<Position, 'partition' | 'offset'>, committed: bigint): Reading {
    if (offset < committed) return 'committed';
    const next = this.#owners.get(partition)?.next_offset ?? null;
    return next !== null && offset < BigInt(next) ? 'uncommitted' : 'unread';
  }
}

/** What ends it. */
const resumeCommand = (name: string | null): string =>
  name === null ? 'rollcall resume' : `rollcall resume --group ${quotedForShell(name)}`;

/** Every pause of a group, all of which have to end. null: it is not paused. @param names of the group, by `idKey` */
export function pausesText(pauses: PausesOf, names: ReadonlySet<string>): string | null {
  const texts = pauseTexts([[0, pauses]], names).get(0);
  return texts === undefined ? null : together(texts);
}

/**
 * By partition, every pause of a group, each once. One request pauses each partition at a time of its own: it counts from the first.
 * @param pauses by partition
 * @param names of the group, by `idKey`
 */
export function pauseTexts(
  pauses: Iterable<readonly [partition: number, pauses: PausesOf]>,
  names: ReadonlySet<string>,
): ReadonlyMap<number, readonly string[]> {
  const found = [...pauses].map(([partition, of]) => [partition, pausesAmong(of, names)] as const);
  const keyOf = ({ name, pause: { author, reason } }: GivenPause): string =>
    JSON.stringify([name && idKey(name), author, reason]);
  const since = new Map<string, number>();
  for (const given of found.flatMap(([, all]) => all))
    since.set(keyOf(given), Math.min(since.get(keyOf(given)) ?? Infinity, given.pause.at));
  const textOf = (given: GivenPause): string => {
    const { name, pause } = given;
    return pauseText({ name, ...pause, since: since.get(keyOf(given)) ?? pause.at });
  };
  return new Map(found.flatMap(([partition, all]) => (all.length === 0 ? [] : [[partition, all.map(textOf)]])));
}

/** Those of one partition, all of which have to end, as one text. */
export const together = (texts: readonly string[]): string => texts.join('; and ');

/** Who has paused it, since when and why, and how it goes on. */
const pauseText = ({ author, since, reason, name }: NonNullable<PendingChange['paused']>): string =>
  `paused by ${author} since ${timeText(since)}: ${reason}; ${resumeCommand(name)}`;
