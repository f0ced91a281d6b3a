/** What a record means, as `rollcall decode` prints it. */
import {
  type Decoded,
  type Hint,
  type Invalid,
  type Skip,
  type SourceEvent,
  isChange,
  type ChangeEvent,
} from '../core/change.ts';

export interface DecodedLine {
  readonly kind: SourceEvent['kind'];
  readonly changes: readonly DecodedChange[];
  /** Why there is no change; of several events, what those without a change are. */
  readonly reason: string | null;
  /** Of `hint` and `invalid`. */
  readonly code?: string;
  /** The format that it was read by; null: none fits. */
  readonly format: string | null;
}

export interface DecodedChange {
  readonly group: string;
  readonly add: readonly string[];
  readonly remove: readonly string[];
  readonly members: readonly string[];
  readonly complete: boolean;
  readonly deleted: boolean;
  readonly event_id: string | null;
  readonly occurred_at: string | null;
}

/** What changes most names the record. */
const KINDS = ['state', 'delta', 'hint', 'invalid', 'skip'] as const;

export function decodedLine(events: Decoded, format: string | null): DecodedLine {
  const kind = KINDS.find((one) => events.some((event) => event.kind === one)) ?? events[0].kind;
  const named = events.find((event) => event.kind === kind);
  const code = named !== undefined && 'code' in named ? named.code : null;
  return {
    kind,
    changes: events.filter(isChange).map(changeOf),
    reason: reasonOf(events),
    ...(code !== null && { code }),
    format,
  };
}

const changeOf = (event: ChangeEvent): DecodedChange => ({
  group: event.group,
  add: event.kind === 'delta' ? event.add : [],
  remove: event.kind === 'delta' ? event.remove : [],
  members: event.kind === 'state' ? event.members : [],
  complete: event.kind === 'state',
  deleted: event.kind === 'state' && event.deleted,
  event_id: event.eventId,
  occurred_at: event.occurredAt,
});

/** A record with one event gives its reason alone; of several, each is named with its index. */
function reasonOf(events: Decoded): string | null {
  const told = events.flatMap((event, index) => {
    if (isChange(event)) return [];
    return [events.length === 1 ? why(event) : `event ${index}: ${event.kind}: ${why(event)}`];
  });
  return told.length === 0 ? null : told.join('; ');
}

const why = (event: Skip | Hint | Invalid): string => (event.kind === 'skip' ? event.reason : event.message);
