/** The row of a membership table: whose it is, by the configured columns; and the key of its record, which holds some of them. */
import type { Delta, Invalid, SourceEvent, SourceRecord } from '../core/change.ts';
import { type FoundId, foundId } from './ids.ts';
import { deltaOf, type Fields, fieldsIn, invalid, isFields, readJson, type Told } from './reading.ts';

export interface DebeziumOptions {
  readonly groupColumn: string;
  readonly memberColumn: string;
  /** Rows of other tables are skipped; null: there are none. */
  readonly table: string | null;
  /** Where a delete stands: in a record of its own, or in the tombstone alone. */
  readonly deletes: 'rows' | 'tombstones';
}

export const KEYCLOAK_TABLE: DebeziumOptions = {
  groupColumn: 'group_id',
  memberColumn: 'user_id',
  table: null,
  deletes: 'rows',
};

export interface Membership {
  readonly group: string;
  readonly member: string;
}

/** Whatever is told of a change besides its row. */
export type ToldOfRow = Omit<Told, 'group'>;

export type FoundRow =
  | { readonly kind: 'whole'; readonly row: Membership }
  /** The column that it lacks. */
  | { readonly kind: 'partial'; readonly column: string }
  | { readonly kind: 'bad'; readonly problem: Invalid };

/** The membership of the first of these that has both columns; what one lacks the next may have. */
export function rowIn(sources: readonly Fields[], { groupColumn, memberColumn }: DebeziumOptions): FoundRow {
  const group = columnIn(sources, groupColumn);
  if (group.kind === 'bad') return group;
  const member = columnIn(sources, memberColumn);
  if (member.kind === 'bad') return member;
  if (group.kind === 'none') return { kind: 'partial', column: groupColumn };
  if (member.kind === 'none') return { kind: 'partial', column: memberColumn };
  return { kind: 'whole', row: { group: group.id, member: member.id } };
}

/** What PostgreSQL does not tell of a large value (unavailable.value.placeholder). */
const UNAVAILABLE = '__debezium_unavailable_value';

function columnIn(sources: readonly Fields[], column: string): FoundId {
  for (const source of sources) {
    const value = source[column];
    const found = foundId(value === UNAVAILABLE ? null : value, `the column \`${column}\``);
    if (found.kind !== 'none') return found;
  }
  return { kind: 'none' };
}

const EMPTY: Fields = {};

/** `{"group_id","user_id"}`, with or without a schema; no fields where the key is none, or no JSON object. */
export function keyFieldsOf({ key }: SourceRecord): Fields {
  if (key === null) return EMPTY;
  const read = readJson(key);
  if (!read.ok || !isFields(read.json)) return EMPTY;
  return 'schema' in read.json && 'payload' in read.json ? fieldsIn(read.json['payload']) : read.json;
}

export const addition = ({ group, member }: Membership, { eventId, occurredAt }: ToldOfRow): Delta | Invalid =>
  deltaOf('add', [member], { group, eventId, occurredAt });

export const removal = ({ group, member }: Membership, { eventId, occurredAt }: ToldOfRow): Delta | Invalid =>
  deltaOf('remove', [member], { group, eventId, occurredAt });

/** A delete that only its key tells of. Without the member in it nobody can know who left. */
export function removalByKey(key: Fields, options: DebeziumOptions): SourceEvent {
  const found = rowIn([key], options);
  if (found.kind === 'whole') return removal(found.row, { eventId: null, occurredAt: null });
  return found.kind === 'bad' ? found.problem : unreadableTombstone(found.column);
}

const unreadableTombstone = (column: string): Invalid =>
  invalid(
    'delete_unreadable',
    `A row was deleted, but the key of the tombstone lacks the column \`${column}\`, so nobody can tell whose it was. ` +
      'Key the topic by both columns (message.key.columns), or set delete.tombstone.handling.mode=rewrite and ' +
      'DEBEZIUM_DELETES=rows; then send the full state of the group.',
  );

export const rowUnreadable = (column: string, part: string): Invalid =>
  invalid(
    'columns_missing',
    `${part} lacks the column \`${column}\`; set DEBEZIUM_GROUP_COLUMN and DEBEZIUM_MEMBER_COLUMN to the table's columns, ` +
      'and DEBEZIUM_TABLE where the topic has rows of other tables.',
  );
