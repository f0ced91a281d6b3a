/** One intent as it stands in live records, dead letters and requests, and the headers of our records (protocol.md 3.2). */
import * as z from 'zod';
import {
  ID_LENGTH_MAX,
  OFFSET_PATTERN,
  OPS,
  WHOLE_GROUP,
  comparePositions,
  idKey,
  isSameId,
  isStoredId,
  offsetText,
  readOffset,
  sourceMember,
  type Approval,
  type Held,
  type Intent,
  type OperatorDecision,
  type Position,
  type ShownTargets,
  type WaitReason,
} from '../change/change.ts';
import { named } from '../change/pending.ts';
import { isObject } from '../text/json.ts';

/** As strict as the source format: what comes from here goes into the same paths, filters, reports and headers. */
export const wireId = z.string().refine(isStoredId);
const count = z.int().min(0);

const wirePosition = z.object({ topic: wireId, partition: count, offset: z.string().regex(OFFSET_PATTERN) });

/** `member` is null for a full state. */
export const wireNamed = wirePosition.extend({ member: wireId.nullable() });

const wireDigest = z.string().regex(/^[0-9a-f]{64}$/);
/** The author stands in reports, logs and messages, so it is as strict as an id. */
export const wireDecision = z.object({ digest: wireDigest, author: wireId });

export const REASON_LENGTH_MAX = 200;
/** Why an operator does something: one line of text. */
export const wireReason = z
  .string()
  .min(1)
  .max(REASON_LENGTH_MAX)
  .regex(/^\P{Cc}+$/u);

/** Absent: none was given. One that a newer version says in another way makes no live record unreadable. */
const wireDecided = wireDecision.extend({ reason: wireReason.optional().catch(undefined) });

/**
 * A name of a closed list that newer versions may have made longer. One that could not stand in a header or a report reads
 * as `unknown`, since a value must never make a live record unreadable.
 */
const openName = wireId.catch('unknown');

/** Whom the operator is shown. */
const wireTargets = {
  target: wireId.optional().catch(undefined),
  group_target: wireId.optional().catch(undefined),
};

/** It waits for an operator, also where a newer version says more of it. */
const wireHeld = z.object({
  by: openName,
  since: z.number(),
  /** For people and tools: what is approved is compared with the digest of what is held. None of a dead one. */
  digest: z.string().optional().catch(undefined),
  group_size: count.optional().catch(undefined),
  notified: z.literal(true).optional().catch(undefined),
  ...wireTargets,
});

/** Checked as one value: an issue for each of a million bad entries would cost more than the record. */
export const wireIds = z.custom<readonly string[]>(
  (value) => Array.isArray(value) && value.every((each) => wireId.safeParse(each).success),
);

const wireOps = z.array(z.enum(OPS)).min(1);

const INTENT_OPS = [...OPS, 'state'] as const;

export const wireIntent = wireNamed
  .extend({
    op: z.enum(INTENT_OPS),
    /** Of a full state. */
    members: wireIds.optional(),
    deleted: z.boolean().optional(),
    /** Of a full state that was worked out on a doubtful read. */
    partly: z.literal(true).optional().catch(undefined),
    /** Where the source spells the group in another way than the record's key. */
    source_group: z.string().optional().catch(undefined),
    /** The member goes by the target's name: a full state that does not name it removes it. */
    named_by: z.literal('target').optional().catch(undefined),
    event_id: z.string().max(ID_LENGTH_MAX).nullable(),
    timestamp: z.number(),
    attempt: count,
    not_before: z.number(),
    /** Why it waits. A newer version may write values that are not known here, which make no record unreadable. */
    waits: z.unknown().optional(),
    /** It waits for something that may have yet to be provisioned. */
    schedule: z.literal('slow').optional().catch(undefined),
    first_seen_at: z.number(),
    dead: z.object({ at: z.number(), reason: openName, refusal: wireDecided.optional().catch(undefined) }).nullable(),
    held: wireHeld.optional(),
    approval: wireDecided.extend({ at: z.number(), ...wireTargets }).optional(),
    /** Of an addition whose member is not known. */
    unresolved: z.literal(true).optional().catch(undefined),
    /** Tries have failed that `attempt` does not count. */
    told: z.literal(true).optional().catch(undefined),
    /** What PATCHes may have done to the member although no answer says so. */
    unsure: wireOps.optional().catch(undefined),
    /** Of a full state: the same of each such member, by the target's name. */
    unsure_members: z
      .array(z.object({ member: wireId, ops: wireOps }))
      .optional()
      .catch(undefined),
  })
  .refine(
    ({ op, member, members }) => (op === 'state') === (member === null) && (op === 'state') === (members !== undefined),
  )
  // A full state that is held would have to hold all that stands on it, which this version does not do.
  .refine(({ op, held, approval }) => op !== 'state' || (held === undefined && approval === undefined));

/**
 * An entry that only a newer version can carry out: another operation, or a full state that the guard has a say in. It is
 * kept word for word, neither sent nor given up, until an owner of that version comes.
 */
export function isForeign(entry: unknown): boolean {
  if (!isObject(entry) || typeof entry['op'] !== 'string') return false;
  const isKnown = (INTENT_OPS as readonly string[]).includes(entry['op']);
  return !isKnown || (entry['op'] === 'state' && (entry['held'] ?? entry['approval']) !== undefined);
}

type WireIntent = z.infer<typeof wireIntent>;

/** Far above any limit of attempts; one more than it is still a count. */
const ATTEMPT_MAX = 1_000_000;

/** @param group the key of its record. */
export function intentOf(group: string, wire: WireIntent): Intent {
  const spelling = wire.source_group !== undefined && isSameId(wire.source_group, group) ? wire.source_group : null;
  const name = named(spelling ?? group, wire.member ?? WHOLE_GROUP);
  return {
    op: wire.op,
    whole: wholeOf(wire),
    target: wire.member === null ? null : name.member,
    ...(wire.named_by !== undefined && { namedBy: wire.named_by }),
    source: { eventId: wire.event_id, timestamp: wire.timestamp, ...positionOf(wire) },
    attempt: Math.min(wire.attempt, ATTEMPT_MAX),
    conflicts: 0,
    notBefore: wire.not_before,
    firstSeenAt: wire.first_seen_at,
    dead: deadOf(wire),
    waits: waitsOf(wire),
    ...(wire.schedule !== undefined && { schedule: wire.schedule }),
    guard: guardOf(wire),
    ...(wire.unresolved !== undefined && wire.op === 'add' && { isUnresolved: true as const }),
    ...(wire.told !== undefined && { isTried: true as const }),
    ...(wire.unsure !== undefined && wire.op !== 'state' && { unsure: wire.unsure }),
    // Not first: see `withFields`.
    ...name,
  };
}

const wholeOf = ({ members, deleted, partly, unsure_members: unsure }: WireIntent): Intent['whole'] =>
  members === undefined
    ? null
    : {
        members,
        deleted: deleted ?? false,
        ...(partly !== undefined && { isPartly: partly }),
        ...(unsure !== undefined && { unsure: new Map(unsure.map(({ member, ops }) => [idKey(member), ops])) }),
      };

/**
 * Of a record without it, or with a value that is not known, only its own time ends the wait. `record` is not written: what is
 * restored stands in the live record.
 */
const waitsOf = ({ waits, not_before: notBefore }: WireIntent): WaitReason | null =>
  notBefore > 0 ? (waits === 'group' ? 'group' : 'member') : null;

const deadOf = ({ dead }: WireIntent): Intent['dead'] =>
  dead && {
    at: dead.at,
    reason: dead.reason,
    ...(dead.refusal !== undefined && { refusal: decisionIn(dead.refusal) }),
  };

const decisionIn = ({ digest, author, reason }: z.infer<typeof wireDecided>): OperatorDecision => ({
  digest,
  author,
  reason: reason ?? null,
});

const decisionJson = ({ digest, author, reason }: OperatorDecision) => ({
  digest,
  author,
  ...(reason !== null && { reason }),
});

const guardOf = ({ held, approval }: WireIntent): Held | Approval | null => {
  if (held !== undefined) return heldOf(held);
  if (approval === undefined) return null;
  return { kind: 'approved', ...decisionIn(approval), at: approval.at, ...targetsIn(approval) };
};

const heldOf = ({ by, since, group_size: groupSize, notified, ...targets }: z.infer<typeof wireHeld>): Held => ({
  kind: 'held',
  by,
  since,
  ...(groupSize !== undefined && { groupSize }),
  ...(notified !== undefined && { isNotified: true as const }),
  ...targetsIn(targets),
});

const targetsIn = ({
  target,
  group_target: groupTarget,
}: {
  readonly target?: string | undefined;
  readonly group_target?: string | undefined;
}): ShownTargets => ({ ...(target !== undefined && { target }), ...(groupTarget !== undefined && { groupTarget }) });

const wireTargetsOf = ({ target, groupTarget }: ShownTargets) => ({
  ...(target !== undefined && { target }),
  ...(groupTarget !== undefined && { group_target: groupTarget }),
});

export const positionOf = ({ topic, partition, offset }: z.infer<typeof wirePosition>): Position => ({
  topic,
  partition,
  ...readOffset(offset),
});

/** `digest`: of all that is held of the group; null: nothing is. */
export function wireOf({ source, guard, whole, ...intent }: Intent, digest: string | null): WireIntent {
  return {
    member: intent.member === WHOLE_GROUP ? null : sourceMember(intent),
    op: intent.op,
    ...(intent.namedBy !== undefined && { named_by: intent.namedBy }),
    ...(intent.groupSpelling !== undefined && { source_group: intent.groupSpelling }),
    ...(whole !== null && { members: whole.members, deleted: whole.deleted }),
    // Until all that it came to is recorded, a restore has to work it out in full.
    ...(whole?.isPartly === true && intent.waits !== 'record' && { partly: true as const }),
    topic: source.topic,
    partition: source.partition,
    offset: offsetText(source),
    event_id: source.eventId,
    timestamp: source.timestamp,
    attempt: intent.attempt,
    not_before: intent.notBefore,
    ...(intent.notBefore > 0 && (intent.waits === 'group' || intent.waits === 'member') && { waits: intent.waits }),
    ...(intent.schedule !== undefined && { schedule: intent.schedule }),
    first_seen_at: intent.firstSeenAt,
    dead: intent.dead && deadJson(intent.dead),
    ...(guard?.kind === 'held' && {
      held: {
        by: guard.by,
        since: guard.since,
        ...(intent.dead === null && digest !== null && { digest }),
        ...(guard.groupSize !== undefined && { group_size: guard.groupSize }),
        ...(guard.isNotified === true && { notified: true as const }),
        ...wireTargetsOf(guard),
      },
    }),
    ...(guard?.kind === 'approved' && {
      approval: { ...decisionJson(guard), at: guard.at, ...wireTargetsOf(guard) },
    }),
    ...(intent.isUnresolved === true && { unresolved: true as const }),
    ...(intent.isTried === true && { told: true as const }),
    ...(intent.unsure !== undefined && { unsure: [...intent.unsure] }),
    ...(whole?.unsure !== undefined && {
      unsure_members: [...whole.unsure].map(([member, ops]) => ({ member, ops: [...ops] })),
    }),
  };
}

const deadJson = ({ at, reason, refusal }: NonNullable<Intent['dead']>) => ({
  at,
  reason,
  ...(refusal !== undefined && { refusal: decisionJson(refusal) }),
});

/* Headers of our records: all text, each name once. Of a live record those for people and tools (protocol.md 3.2). */

export type Headers = readonly (readonly [name: string, value: Uint8Array])[];

const encoder = new TextEncoder();
export const textHeader = (name: string, value: string): Headers[number] => [name, encoder.encode(value)];

/** null: there is none, or it is not UTF-8. */
export const header = (headers: Headers, name: string): string | null =>
  textOf(headers.find(([other]) => other === name)?.[1] ?? null);

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** null: nothing, or not UTF-8. */
export function textOf(bytes: Uint8Array | null): string | null {
  if (bytes === null) return null;
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** Why a group waits, as of its newest failure; for people and tools, never read back. */
export interface Trouble {
  readonly code: string;
  readonly message: string;
  /** Epoch ms. */
  readonly firstFailureAt: number;
}

export interface WaitingFacts {
  readonly intents: readonly Intent[];
  readonly trouble: Trouble | null;
  /** Epoch ms. */
  readonly now: number;
}

/** What waits, until when and why; they count what is not dead. */
export function waitingHeaders({ intents, trouble, now }: WaitingFacts): Headers {
  const waiting = intents.filter(({ dead }) => dead === null);
  if (waiting.length === 0) return [];
  const earliest = waiting.reduce((a, b) => (b.notBefore < a.notBefore ? b : a)).notBefore;
  const attempt = waiting.reduce((highest, intent) => Math.max(highest, intent.attempt), 0);
  return [
    textHeader('rollcall-attempt', String(attempt)),
    textHeader('rollcall-not-before', String(earliest)),
    textHeader('rollcall-delay-ms', String(Math.max(0, earliest - now))),
    ...troubleHeaders(trouble),
    ...sourceHeaders(waiting.reduce((a, b) => (comparePositions(b.source, a.source) > 0 ? b : a))),
  ];
}

const troubleHeaders = (trouble: Trouble | null): Headers =>
  trouble === null
    ? []
    : [
        textHeader('rollcall-first-failure-at', String(trouble.firstFailureAt)),
        textHeader('rollcall-error-code', trouble.code),
        textHeader('rollcall-error-message', trouble.message),
      ];

const sourceHeaders = ({ source }: Intent): Headers => [
  textHeader('rollcall-source-topic', source.topic),
  textHeader('rollcall-source-partition', String(source.partition)),
  textHeader('rollcall-source-offset', offsetText(source)),
];
