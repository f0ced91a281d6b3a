/** What a running instance says of itself (`/status` of its admin server): a snapshot of its figures. Instants in epoch ms. */
import { z } from 'zod';

const instant = z.int().min(0);
const count = z.int().min(0);
const since = z.int().nullable().optional();
const ageOf = (what: string) =>
  since.meta({ description: `of ${what}, by the timestamp of its record; null: there is none; absent: not known` });

const PartitionStatus = z.object({
  partition: count,
  epoch: count.meta({ description: 'of two instances that name one partition the higher one owns it' }),
  phase: z.string().meta({ description: '`running`: it works; else it is restored, catches up, or is refused' }),
  next_offset: z.string().regex(/^\d+$/).nullable().meta({ description: 'what it reads next; null: not known yet' }),
  unread: count.optional().meta({ description: 'source records; absent: not known' }),
  oldest_unapplied_at: ageOf('the oldest change that could be applied, unread ones included'),
  oldest_held_at: ageOf('the oldest removal that waits for an operator'),
  oldest_waiting_at: ageOf('the oldest change that waits by SLOW_RETRY_SCHEDULE_MS'),
  pending: count.meta({ description: 'changes neither final nor given up' }),
  due: count.meta({ description: 'those of them that could be applied' }),
  tried: count.meta({ description: 'those of the due ones that have failed before' }),
  parked: count,
  held: count,
  waiting: count.meta({ description: 'changes that wait by SLOW_RETRY_SCHEDULE_MS' }),
  next_wait_ends_at: instant.nullable().meta({ description: 'of the first of them' }),
  paused: count
    .optional()
    .meta({ description: 'changes that wait for an operator to resume; absent: an older version' }),
  dead: count,
});

export type PartitionStatus = z.infer<typeof PartitionStatus>;

const Budget = z.object({
  allowed: count.nullable(),
  used: count.nullable().meta({ description: 'requests without an answer included' }),
  left: count.nullable(),
  resets_in_ms: z.number().nullable(),
  assumed: z
    .boolean()
    .meta({ description: 'no answer of this window has come yet: it is taken to allow as much as the last' }),
  per_minute: z.number().nullable().meta({ description: 'requests are spread besides; null: they are not' }),
  closed_for_ms: z.number().meta({ description: 'nothing is sent for so long after a 429' }),
});

const OpenBreaker = z.object({
  reason: z.string(),
  since: instant,
  problem: z.string().meta({ description: 'the failure that opened it, or keeps it open for another reason' }),
  advice: z.string(),
  closed_by: z.string().meta({ description: 'what would close it' }),
  next_probe_at: instant.nullable().meta({ description: 'null: now, or as soon as there is something to ask for' }),
});

const pause = { author: z.string(), reason: z.string(), since: instant };

const Paused = z.object({
  partitions: z.array(z.object({ partition: count, ...pause })),
  groups: z.array(z.object({ group: z.string(), ...pause })).meta({ description: 'the longest paused 100' }),
  group_count: count,
});

export type PausedStatus = z.infer<typeof Paused>;

const AffectedGroup = z.object({
  group: z.string(),
  changes: count,
  since: z.int().meta({ description: 'of the oldest, by the timestamp of its record' }),
  paused: z.literal(true).optional().meta({ description: 'they wait for a resume; absent: for the target' }),
});

export type AffectedGroup = z.infer<typeof AffectedGroup>;

export const InstanceStatus = z
  .object({
    version: z.string(),
    now: instant.meta({ description: 'by the clock of the instance' }),
    member_id: z.string().nullable().meta({ description: 'in the consumer group; null: it is not in it' }),
    ready: z.boolean(),
    shadow: z.literal(true).optional().meta({ description: 'it sends nothing that changes a group; absent: it does' }),
    reasons: z.array(z.string()).meta({ description: 'why it is not ready' }),
    possible_losses: count.meta({ description: 'times that records were gone before they were read' }),
    partitions: z.array(PartitionStatus).meta({ description: 'of the source, those that this instance owns' }),
    paused: Paused.optional().meta({ description: 'by operators; absent: an older version does not say' }),
    in_flight: count,
    intake_paused: z.boolean(),
    budget: Budget.meta({ description: 'of the present window, as the target says; null: it has not said' }),
    requests_ahead: count.meta({ description: 'that what is behind needs; for what is not read, estimated' }),
    converges_in_ms: z.number().nullable().meta({
      description: 'until all that can be applied is, if tries succeed and nothing new comes; null: not known',
    }),
    breaker: OpenBreaker.nullable().meta({ description: 'null: closed' }),
    affected: z
      .object({ groups: z.array(AffectedGroup), left_out: count })
      .nullable()
      .meta({
        description: 'groups whose changes wait for the target or a resume, the oldest first; null: not asked for',
      }),
  })
  .meta({ title: 'Rollcall instance: its status' });

export type InstanceStatus = z.infer<typeof InstanceStatus>;

/** What the pipeline knows of it; the rest is of the service around it. */
export type PipelineStatus = Omit<InstanceStatus, 'version' | 'ready' | 'reasons'>;

export interface StatusAsked {
  /** List the groups whose changes wait for the target or a resume. */
  readonly withAffected: boolean;
}
