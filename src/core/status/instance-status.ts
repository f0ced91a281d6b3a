/** What a running instance says of itself (`/status` of its admin server): a snapshot of its figures. */
import { z } from 'zod';

const instant = z.int().min(0);
const count = z.int().min(0);
const sinceWhen = z
  .int()
  .nullable()
  .optional()
  .meta({ description: 'epoch ms, by the timestamp of the source record; null: there is none; absent: not known' });

const PartitionStatus = z.object({
  partition: count,
  epoch: count.meta({ description: 'of two instances that name one partition the higher one owns it' }),
  phase: z.string().meta({ description: '`running`: it works; else it is restored, catches up, or is refused' }),
  next_offset: z.string().regex(/^\d+$/).nullable().meta({ description: 'what it reads next; null: not known yet' }),
  unread: count.optional().meta({ description: 'source records; absent: not known' }),
  oldest_unapplied_at: sinceWhen,
  oldest_held_at: sinceWhen,
  oldest_waiting_at: sinceWhen,
  refusal: z.string().optional(),
});

export type PartitionStatus = z.infer<typeof PartitionStatus>;

const Budget = z
  .object({
    allowed: count.nullable(),
    used: count.nullable().meta({ description: 'requests without an answer included' }),
    left: count.nullable(),
    resets_in_ms: z.number().nullable(),
    closed_for_ms: z.number().meta({ description: 'nothing is sent for so long after a 429' }),
  })
  .meta({ description: 'of the present window, as the target says; null: it has not said' });

const OpenBreaker = z.object({
  reason: z.string(),
  since: instant.meta({ description: 'epoch ms' }),
  problem: z.string().meta({ description: 'the failure that opened it' }),
  advice: z.string(),
  closed_by: z.string().meta({ description: 'what would close it' }),
  probes: count,
  next_probe_at: instant
    .nullable()
    .meta({ description: 'epoch ms; null: now, or as soon as there is something to ask for' }),
});

export type OpenBreakerStatus = z.infer<typeof OpenBreaker>;

const pause = {
  author: z.string(),
  reason: z.string(),
  since: instant.meta({ description: 'epoch ms' }),
};

const Paused = z.object({
  partitions: z.array(z.object({ partition: count, ...pause })),
  groups: z.array(z.object({ group: z.string(), ...pause })).meta({ description: 'the longest paused 100' }),
  group_count: count,
  changes: count.meta({ description: 'pending ones that wait for an operator to resume' }),
});

export type PausedStatus = z.infer<typeof Paused>;

const AffectedGroup = z.object({
  group: z.string(),
  changes: count,
  since: z.int().meta({ description: 'epoch ms, of the oldest' }),
});

export type AffectedGroup = z.infer<typeof AffectedGroup>;

export const InstanceStatus = z
  .object({
    version: z.string(),
    now: instant.meta({ description: 'epoch ms, by the clock of the instance' }),
    ready: z.boolean(),
    reasons: z.array(z.string()).meta({ description: 'why it is not ready' }),
    partitions: z.array(PartitionStatus).meta({ description: 'of the source, those that this instance owns' }),
    pending: count,
    parked: count,
    held: count,
    dead: count,
    waiting: count.meta({ description: 'changes that wait by SLOW_RETRY_SCHEDULE_MS' }),
    next_wait_ends_at: instant.nullable().meta({ description: 'of the first of them, epoch ms' }),
    in_flight: count,
    paused: Paused.optional().meta({ description: 'by operators; absent: an older version does not say' }),
    intake_paused: z.boolean(),
    budget: Budget,
    requests_ahead: count.meta({ description: 'that what is behind needs; for what is not read, estimated' }),
    converges_in_ms: z.number().nullable().meta({
      description: 'until all that can be applied is, if nothing new comes; null: not while the breaker is open',
    }),
    breaker: OpenBreaker.nullable().meta({ description: 'null: closed' }),
    affected: z
      .object({ groups: z.array(AffectedGroup), left_out: count })
      .nullable()
      .meta({ description: 'groups whose changes wait for the target, if asked for' }),
  })
  .meta({ title: 'Rollcall instance: its status' });

export type InstanceStatus = z.infer<typeof InstanceStatus>;

/** What the pipeline knows of it; the rest is of the service around it. */
export type PipelineStatus = Omit<InstanceStatus, 'version' | 'ready' | 'reasons'>;
