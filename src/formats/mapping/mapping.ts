/**
 * Room formats/mapping: `mapping`: any JSON, read as a file of the operator says.
 * Not here: where that file is (config).
 *
 * Any JSON, read as a mapping says (file.ts): which events a record holds, whom they concern, what they do.
 */
import type { Decoded, Invalid, SourceEvent, SourceFormat, SourceRecord } from '../../core/change/change.ts';
import { epochTime, foundId, groupIn, several, timeIn, type FoundId } from '../reading/events.ts';
import {
  deletedGroup,
  deltaOf,
  fullState,
  invalid,
  quote,
  readValue,
  skip,
  textIn,
  tombstone,
} from '../reading/reading.ts';
import type { Condition, MappedMembers, MappedOperation, MappedText, Mapping, OperationTable } from './file.ts';
import { shapeProblem, shapesFor, type Shapes, wantObject } from './file.ts';
import { follow, isInvalid, lookUp, onlyValue, partIn, type Path, type Scope } from './path.ts';

export function mappingFormat(mapping: Mapping): SourceFormat {
  const beside = mapping.if_record.filter(({ path }) => path.root === 'key' || path.root === 'headers');
  const reading = { mapping, beside, shapes: shapesFor(mapping) };
  return { name: 'mapping', decode: (record) => readRecord(record, reading) };
}

interface Reading {
  readonly mapping: Mapping;
  /** Conditions on records that do not depend on what the value is. */
  readonly beside: readonly Condition[];
  readonly shapes: Shapes;
}

function readRecord(record: SourceRecord, { mapping, beside, shapes }: Reading): Decoded {
  if (record.value === null) return [tombstone];
  const read = readValue(record);
  if (!read.ok) return [read.problem];
  const scope: Scope = { record, value: read.json, event: read.json, entry: undefined };
  if (allHold(beside, scope) === false) return [notMapped];
  // JSON converters write a tombstone as the text `null`, which holds no change.
  const problem = read.json === null ? null : shapeProblem(read.json, shapes.value, 'the value');
  if (problem !== null) return [problem];
  const isMapped = allHold(mapping.if_record, scope);
  if (isMapped !== true) return [isMapped === false ? notMapped : isMapped];
  if (mapping.events === undefined) return several(readEvent(scope, mapping));
  const events = follow(mapping.events.steps, read.json);
  if (events.missing > 0) return [notThere('events', mapping.events)];
  return several(
    events.values.flatMap((event) => {
      const problemOfEvent = shapeProblem(event, shapes.event, 'an event');
      return problemOfEvent === null ? readEvent({ ...scope, event }, mapping) : [problemOfEvent];
    }),
  );
}

/** One change of an event, with where its ids are. */
interface Mapped {
  readonly operation: MappedOperation;
  readonly group: MappedText | undefined;
  readonly members: MappedMembers | undefined;
}

const notMapped = skip('not_mapped');

function readEvent(scope: Scope, mapping: Mapping): readonly SourceEvent[] {
  const isMapped = allHold(mapping.if_event, scope);
  if (isMapped !== true) return [isMapped === false ? notMapped : isMapped];
  const { group, members, operation: single, operations } = mapping;
  if (operations !== undefined) {
    const mapped: Mapped[] = [];
    for (const one of operations) {
      const holds = allHold(one.if, scope);
      // What the event does is not known in full, so none of it is done.
      if (typeof holds !== 'boolean') return [holds];
      if (holds) mapped.push({ operation: one.operation, group: one.group ?? group, members: one.members ?? members });
    }
    return mapped.length === 0 ? [noOperation] : mapped.map((one) => readChange(one, scope, mapping));
  }
  const operation = single === undefined ? noOperation : operationOf(single, scope);
  return [typeof operation === 'string' ? readChange({ operation, group, members }, scope, mapping) : operation];
}

function readChange({ operation, group: at, members: listed }: Mapped, scope: Scope, mapping: Mapping): SourceEvent {
  if (operation === 'ignore') return skip('ignored');
  const group = at === undefined ? notThere('group', undefined) : idAt(at, scope);
  if (typeof group !== 'string') return group;
  const header = {
    group,
    eventId: mapping.event_id === undefined ? null : textAt(mapping.event_id, scope),
    occurredAt: mapping.occurred_at === undefined ? null : timeAt(mapping.occurred_at, scope),
  };
  if (operation === 'deleted') return deletedGroup(header);
  const members = membersAt(listed, scope, groupIn(group));
  if (!Array.isArray(members)) return members as SourceEvent;
  if (operation === 'state') return fullState({ ...header, members });
  return deltaOf(operation, members, header);
}

/** Of several values all must mean the same: which members each of them concerns, nothing says. */
function operationOf(rule: NonNullable<Mapping['operation']>, scope: Scope): MappedOperation | SourceEvent {
  if ('always' in rule) return rule.always;
  const found = lookUp(rule.path, scope);
  if (isInvalid(found)) return found;
  const { values, missing } = found;
  const all = missing > 0 ? [...values, undefined] : values;
  let operation: MappedOperation | null = null;
  for (const value of all) {
    const meant = meaningOf(value, rule);
    if (typeof meant !== 'string') return meant;
    if (operation !== null && operation !== meant) return severalAt('operation.path', rule.path);
    operation = meant;
  }
  return operation ?? meaningOf(undefined, rule);
}

function meaningOf(value: unknown, { path, values, otherwise }: OperationTable): MappedOperation | SourceEvent {
  if (Array.isArray(value)) return severalAt('operation.path', path);
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
    return otherwise === 'ignore' ? 'ignore' : notThere('operation.path', path);
  const text = String(value);
  if (Object.hasOwn(values, text)) return values[text] ?? 'ignore';
  if (otherwise === 'ignore') return 'ignore';
  return invalid(
    'unknown_operation',
    `The operation ${quote(text)} is none of \`operation.values\`; add it there, as ignore if it concerns no membership.`,
  );
}

const noOperation = invalid(
  'unknown_operation',
  'None of `operations` has conditions that hold for the event; add one, with the operation ignore if it concerns no membership.',
);

function idAt({ path, match }: MappedText, scope: Scope): string | SourceEvent {
  const found = lookUp(path, scope);
  if (isInvalid(found)) return found;
  if (found.values.length + found.missing > 1) return severalAt('group', path);
  const id = idOf(found.values[0], path, match);
  return id.kind === 'id' ? id.id : id.kind === 'bad' ? id.problem : notThere('group', path);
}

/** The value, or the part of it that is the id. */
function idOf(value: unknown, path: Path, match: RegExp | null): FoundId {
  const whole = foundId(value, path.text);
  if (match === null || whole.kind !== 'id') return whole;
  const part = partIn(whole.id, match);
  if (part !== null) return foundId(part, path.text);
  const problem = invalid(
    'not_mapped',
    `\`match\` of the mapping finds no id in ${quote(whole.id)} at ${path.text}; correct the expression, or leave such records out with ` +
      '`if_record` or `if_event`.',
  );
  return { kind: 'bad', problem };
}

/** A list that is not there is no empty list: a full state without it would empty the group. */
function membersAt(at: MappedMembers | undefined, scope: Scope, group: string | null): readonly string[] | SourceEvent {
  if (at === undefined) return { ...notThere('members', undefined), group };
  const found = lookUp(at.path, scope);
  if (isInvalid(found)) return { ...found, group };
  if (found.missing > 0) return { ...notThere('members', at.path), group };
  const { id: within, match } = at;
  const wantsObject = within !== null && wantObject([within, ...at.if.map(({ path }) => path).filter(isOfEntry)]);
  const ids: string[] = [];
  for (const entry of found.values) {
    const problem = within === null ? null : shapeProblem(entry, wantsObject, 'an entry of `members`');
    if (problem !== null) return { ...problem, group };
    const counts = at.if.length === 0 || allHold(at.if, { ...scope, entry });
    if (counts === false) continue;
    if (counts !== true) return { ...counts, group };
    const value = within === null ? entry : valueAt(within, entry);
    const id = idOf(value, within ?? at.path, match);
    if (id.kind === 'bad') return { ...id.problem, group };
    if (id.kind === 'none') return { ...notThere('members', within ?? at.path), group };
    ids.push(id.id);
  }
  return ids;
}

const isOfEntry = ({ root }: Path): boolean => root === 'entry';

function valueAt({ steps }: Path, entry: unknown): unknown {
  const found = follow(steps, entry);
  return found.missing === 0 && found.values.length === 1 ? found.values[0] : null;
}

/** It is only shown: what cannot be read costs no change. */
function reported(path: Path, scope: Scope): unknown {
  const found = lookUp(path, scope);
  return isInvalid(found) ? null : onlyValue(found);
}

function textAt({ path, match }: MappedText, scope: Scope): string | null {
  const value = reported(path, scope);
  const text = typeof value === 'number' ? String(value) : textIn(value);
  return text === null || match === null ? text : partIn(text, match);
}

function timeAt(path: Path, scope: Scope): string | null {
  const value = reported(path, scope);
  return epochTime(value) ?? timeIn(value);
}

const notThere = (field: string, path: Path | undefined) =>
  invalid(
    'not_mapped',
    `\`${field}\` of the mapping finds nothing at ${path?.text ?? 'a path that is not given'}; correct the path, or leave such records ` +
      'out with `if_record` or `if_event`.',
  );

const severalAt = (field: string, path: Path) =>
  invalid(
    'not_mapped',
    `\`${field}\` of the mapping finds several values at ${path.text}, and an event has one; make each entry of the list an event of its ` +
      'own with `events`, and begin the paths within it with `@`.',
  );

/*
 * The conditions of a mapping. One over several values (`[*]`) decides only where it is the same for all of them: of entries that differ,
 * none may speak for the others.
 */

/** Whether all hold; `invalid` where that cannot be decided. One that does not hold decides, so that other records are skipped. */
function allHold(conditions: readonly Condition[], scope: Scope): boolean | Invalid {
  let undecided: Invalid | null = null;
  for (const condition of conditions) {
    const holds = decide(condition, scope);
    if (holds === false) return false;
    if (holds !== true) undecided ??= holds;
  }
  return undecided ?? true;
}

function decide(condition: Condition, scope: Scope): boolean | Invalid {
  const found = lookUp(condition.path, scope);
  if (isInvalid(found)) return found;
  const { values, missing } = found;
  const first = missing > 0 ? holdsFor(undefined, condition) : holdsForFirst(values, condition);
  return values.every((value) => holdsFor(value, condition) === first) ? first : differing(condition);
}

/** An empty list is there, and nothing in it is other than null. */
const holdsForFirst = (values: readonly unknown[], condition: Condition): boolean =>
  values.length === 0 ? (condition.exists ?? condition.null ?? false) : holdsFor(values[0], condition);

/** `undefined`: the value is not there, which is as null as null. */
function holdsFor(value: unknown, { equals, in: options, exists, null: isNull }: Condition): boolean {
  if (exists !== undefined) return (value !== undefined) === exists;
  if (isNull !== undefined) return (value === undefined || value === null) === isNull;
  return options === undefined ? value === equals : options.some((wanted) => wanted === value);
}

const differing = ({ path }: Condition): Invalid =>
  invalid(
    'not_mapped',
    `The condition on ${path.text} holds for some of the values there and not for others; make each entry of the list an event of its ` +
      'own with `events`, and put the condition into `if_event`, or into `if` of `operations`.',
  );
