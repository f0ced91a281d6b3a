/** Any JSON, read as a mapping says (mapping-file.ts): which events a record holds, whom they concern, what they do. */
import type { Decoded, SourceEvent, SourceFormat, SourceRecord } from '../core/change.ts';
import { headerText } from './headers.ts';
import { foundId } from './ids.ts';
import type { Condition, MappedOperation, Mapping } from './mapping-file.ts';
import { follow, type Found, type Path } from './mapping-path.ts';
import {
  deletedGroup,
  deltaOf,
  fullState,
  invalid,
  quote,
  readJson,
  readValue,
  skip,
  textIn,
  tombstone,
} from './reading.ts';
import { epochTime, groupIn, several, timeIn } from './several.ts';

export function mappingFormat(mapping: Mapping): SourceFormat {
  return { name: 'mapping', decode: (record) => readRecord(record, mapping) };
}

function readRecord(record: SourceRecord, mapping: Mapping): Decoded {
  if (record.value === null) return [tombstone];
  const read = readValue(record);
  if (!read.ok) return [read.problem];
  const scope: Scope = { record, value: read.json, event: read.json };
  if (!mapping.if_record.every((condition) => holds(condition, scope))) return [skip('not_mapped')];
  if (mapping.events === undefined) return [readEvent(scope, mapping)];
  const events = lookUp(mapping.events, scope);
  if (!events.isThere) return [notThere('events', mapping.events)];
  return several(events.values.map((event) => readEvent({ ...scope, event }, mapping)));
}

/** What the roots of a path stand for. */
interface Scope {
  readonly record: SourceRecord;
  readonly value: unknown;
  readonly event: unknown;
}

function lookUp({ root, steps }: Path, { record, value, event }: Scope): Found {
  switch (root) {
    case 'value':
      return follow(steps, value);
    case 'event':
      return follow(steps, event);
    case 'headers':
      return here(headerText(record, typeof steps[0] === 'string' ? steps[0] : ''));
    case 'key':
      return steps.length === 0 ? here(keyText(record)) : follow(steps, keyJson(record));
  }
}

const here = (text: string | null): Found => (text === null ? { isThere: false } : { isThere: true, values: [text] });

const decoder = new TextDecoder();
const keyText = ({ key }: SourceRecord): string | null => (key === null ? null : textIn(decoder.decode(key)));

function keyJson({ key }: SourceRecord): unknown {
  const read = key === null ? null : readJson(key);
  return read?.ok === true ? read.json : null;
}

function holds({ path, equals, in: several, exists }: Condition, scope: Scope): boolean {
  const found = lookUp(path, scope);
  if (exists !== undefined) return found.isThere === exists;
  if (!found.isThere) return false;
  const wanted: readonly unknown[] = several ?? [equals];
  return found.values.some((value) => wanted.includes(value));
}

function readEvent(scope: Scope, mapping: Mapping): SourceEvent {
  if (!mapping.if_event.every((condition) => holds(condition, scope))) return skip('not_mapped');
  const operation = operationOf(mapping.operation, scope);
  if (typeof operation !== 'string') return operation;
  if (operation === 'ignore') return skip('ignored');
  const group = idAt(mapping.group, scope);
  if (typeof group !== 'string') return group;
  const told = {
    group,
    eventId: mapping.event_id === undefined ? null : textAt(mapping.event_id, scope),
    occurredAt: mapping.occurred_at === undefined ? null : timeAt(mapping.occurred_at, scope),
  };
  if (operation === 'deleted') return deletedGroup(told);
  const members = membersAt(mapping.members, scope, groupIn(group));
  if (!Array.isArray(members)) return members as SourceEvent;
  if (operation === 'state') return fullState({ ...told, members });
  return deltaOf(operation, members, told);
}

function operationOf(told: Mapping['operation'], scope: Scope): MappedOperation | SourceEvent {
  if ('always' in told) return told.always;
  const found = lookUp(told.path, scope);
  const value = found.isThere ? found.values[0] : undefined;
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
    return told.otherwise === 'ignore' ? 'ignore' : notThere('operation.path', told.path);
  const text = String(value);
  if (Object.hasOwn(told.values, text)) return told.values[text] ?? 'ignore';
  if (told.otherwise === 'ignore') return 'ignore';
  return invalid(
    'unknown_operation',
    `The operation ${quote(text)} is none of \`operation.values\`; add it there, as ignore if it concerns no membership.`,
  );
}

function idAt(path: Path, scope: Scope): string | SourceEvent {
  const found = lookUp(path, scope);
  if (!found.isThere || found.values.length !== 1) return notThere('group', path);
  const id = foundId(found.values[0], path.text);
  return id.kind === 'id' ? id.id : id.kind === 'bad' ? id.problem : notThere('group', path);
}

/** A list that is not there is no empty list: a full state without it would empty the group. */
function membersAt(path: Path | undefined, scope: Scope, group: string | null): readonly string[] | SourceEvent {
  const found = path === undefined ? null : lookUp(path, scope);
  if (path === undefined || found === null || !found.isThere) return { ...notThere('members', path), group };
  const ids: string[] = [];
  for (const value of found.values) {
    const id = foundId(value, path.text);
    if (id.kind === 'bad') return { ...id.problem, group };
    if (id.kind === 'none') return { ...notThere('members', path), group };
    ids.push(id.id);
  }
  return ids;
}

function textAt(path: Path, scope: Scope): string | null {
  const found = lookUp(path, scope);
  const value = found.isThere ? found.values[0] : null;
  return typeof value === 'number' ? String(value) : textIn(value);
}

function timeAt(path: Path, scope: Scope): string | null {
  const found = lookUp(path, scope);
  const value = found.isThere ? found.values[0] : null;
  return epochTime(value) ?? timeIn(value);
}

const notThere = (field: string, path: Path | undefined) =>
  invalid(
    'not_mapped',
    `\`${field}\` of the mapping finds nothing at ${path?.text ?? 'a path that is not given'}; correct the path, or leave such records ` +
      'out with `if_record` or `if_event`.',
  );
