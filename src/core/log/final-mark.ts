/**
 * The newest change of a member of the target that is final, kept while the group has changes whose names are not resolved:
 * one of them may turn out to be an older change of the same member, which must not be applied then (protocol.md 5.2).
 */
import * as z from 'zod';
import type { Intent, Op } from '../change/change.ts';
import { idKey, offsetText, sourceMember, type Position } from '../change/change.ts';
import { named, precedes } from '../change/pending.ts';
import { positionOf, wireId, wireNamed } from './wire-intent.ts';

export interface FinalMark {
  /** The member at the target, by `idKey`. */
  readonly target: string;
  /** As the source names it, by `idKey`. */
  readonly member: string;
  readonly memberSpelling?: string;
  readonly op: Op;
  readonly namedBy?: 'target';
  readonly source: Position;
}

/** null: nothing of it can be mistaken for another member. */
export function markOf({ target, member, memberSpelling, op, namedBy, source }: Intent): FinalMark | null {
  if (target === null || op === 'state') return null;
  return {
    target: idKey(target),
    member,
    ...(memberSpelling !== undefined && { memberSpelling }),
    op,
    ...(namedBy !== undefined && { namedBy }),
    source,
  };
}

/** The intent is an older change of the member; of one event the removal wins. */
export const isPassed = (intent: Intent, mark: FinalMark): boolean => precedes(mark, intent);

/** A bound for the live record; of more marks the oldest go, which protect the fewest changes. */
export const MARKS_MAX = 1_000;

const wireMark = wireNamed.extend({
  member: wireId,
  target: wireId,
  op: z.enum(['add', 'remove']),
  named_by: z.literal('target').optional().catch(undefined),
});

/** What cannot be read is left out: a mark must never make a live record unreadable. */
export const readMarks = (group: string, wire: unknown): readonly FinalMark[] =>
  Array.isArray(wire) ? wire.slice(0, MARKS_MAX).flatMap((each) => readMark(group, each)) : [];

function readMark(group: string, wire: unknown): readonly FinalMark[] {
  const parsed = wireMark.safeParse(wire);
  if (!parsed.success) return [];
  const { member, target, op, named_by: namedBy } = parsed.data;
  const { member: key, memberSpelling } = named(group, member);
  return [
    {
      target: idKey(target),
      member: key,
      ...(memberSpelling !== undefined && { memberSpelling }),
      op,
      ...(namedBy !== undefined && { namedBy }),
      source: positionOf(parsed.data),
    },
  ];
}

export const wireOfMark = (mark: FinalMark): z.infer<typeof wireMark> => ({
  target: mark.target,
  member: sourceMember(mark),
  op: mark.op,
  ...(mark.namedBy !== undefined && { named_by: mark.namedBy }),
  topic: mark.source.topic,
  partition: mark.source.partition,
  offset: offsetText(mark.source),
});
