/** A plan as the source of the embedded pipeline: its changes at their positions, and the names that it was made with. */
import type { MemoryBroker } from '../adapters/memory-log/memory-broker.ts';
import { idKey, readOffset, type Decoded, type SourceEvent, type SourceFormat } from '../core/change/change.ts';
import type { SureResolution } from '../core/ids/resolution.ts';
import { readJson } from '../formats/reading/reading.ts';
import type { IdMap } from '../ports.ts';
import { FILE_SOURCE } from './file-source.ts';
import type { PlanChange, PlanGroup } from './plan-file.ts';

/** Of one source record; null: an event that something newer has replaced, or that is no change. */
type PlannedEvents = readonly (SourceEvent | null)[];

/** The same while it is put together: of one event any number of changes may stand. */
type OpenEvents = (OpenDelta | Extract<SourceEvent, { kind: 'state' }> | null)[];

type OpenDelta = Omit<Extract<SourceEvent, { kind: 'delta' }>, 'add' | 'remove'> & {
  readonly add: string[];
  readonly remove: string[];
};

const NO_CHANGE: SourceEvent = { kind: 'skip', reason: 'not_planned' };

/** Reads what `fillFromPlan` writes. */
export const plannedFormat: SourceFormat = {
  name: 'plan',
  decode: ({ value }) => {
    const read = readJson(value ?? new Uint8Array());
    const events = read.ok ? (read.json as PlannedEvents) : [];
    const [first = NO_CHANGE, ...others] = events.map((event) => event ?? NO_CHANGE);
    return [first, ...others] satisfies Decoded;
  },
};

/** Record n is line n of the file that was planned, as far as something of it stands. */
export function fillFromPlan(broker: MemoryBroker, groups: readonly PlanGroup[]): void {
  const records = new Map<bigint, OpenEvents>();
  for (const { group, changes } of groups) for (const change of changes) enter(records, group, change);
  const { topic, partition } = FILE_SOURCE;
  let end = 0n;
  for (const [offset, events] of [...records].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (offset > end) broker.skipOffsets(topic, partition, Number(offset - end));
    broker.append([{ topic, partition, key: null, value: JSON.stringify(events), headers: [] }]);
    end = offset + 1n;
  }
}

function enter(records: Map<bigint, OpenEvents>, group: string, change: PlanChange): void {
  const { offset, index } = readOffset(change.at);
  const events = records.get(offset) ?? [];
  records.set(offset, events);
  // Of a record that held several, also the first has an index.
  while (events.length < (index === null ? 1 : Math.max(2, index + 1))) events.push(null);
  const known = events[index ?? 0] ?? null;
  const header = { group, eventId: null, occurredAt: null };
  const { op, member = '', members = [], deleted = false } = change;
  if (op === 'state') {
    events[index ?? 0] = { kind: 'state', ...header, members, deleted };
    return;
  }
  const delta = known?.kind === 'delta' ? known : { kind: 'delta' as const, ...header, add: [], remove: [] };
  events[index ?? 0] = delta;
  delta[op].push(member);
}

/** null: the source has the target's own ids. Everything else that is asked for is unknown. */
export function plannedIds(groups: readonly PlanGroup[]): IdMap | null {
  if (groups.every(({ ids }) => ids === null)) return null;
  const known = { group: new Map<string, SureResolution>(), user: new Map<string, SureResolution>() };
  for (const { group, ids } of groups) {
    if (ids === null) continue;
    known.group.set(idKey(group), ids.group as SureResolution);
    for (const [name, resolution] of ids.members) known.user.set(idKey(name), resolution as SureResolution);
  }
  const resolve = (kind: 'group' | 'user', id: string): SureResolution =>
    known[kind].get(idKey(id)) ?? { kind: 'unmapped' };
  return {
    known: resolve,
    lookUp: async (kind, id) => resolve(kind, id),
    onChange: () => undefined,
    close: async () => undefined,
  };
}
