/**
 * Columns and headers that say what was done: rows of history and audit tables have them, and what other connectors write. A row of
 * such a table was added when anything happened, so that it was added says nothing about the membership.
 */
import { eventNamed } from './event-name.ts';
import { remembered } from './field-words.ts';
import { isFields } from './reading.ts';

export type Saying = (value: unknown) => boolean;

/** A flag (`op`: an operator of a channel) says of no operation, a text or a code does; Oracle's numbers are objects. */
export const saysSomething: Saying = (value) =>
  typeof value === 'string' ? value.trim() !== '' : typeof value === 'number' || isFields(value);

/** Such a column says as often of what kind the membership is: `kind`, `type`. */
const namesChange: Saying = (value) => typeof value === 'string' && isChangeOfMember(value);

/** `MemberKicked`, `member_removed`, `left`; not `GroupMember`, `ProjectMember`, `assigned`. */
function isChangeOfMember(name: string): boolean {
  const { says, op } = eventNamed(name);
  return says === 'change' || op === 'remove' || name === 'destroy' || (says === 'unclear' && OF_MEMBERS.test(name));
}

/** What happens to members, not what groups are like: `nested-group`, `SharedGroup`. */
const OF_MEMBERS = /added|join|kick|bann|remov|delet|leav|left|revok|expel|evict|invit|request|reject|declin/i;

export const VERB = /ed\b|Add|Remov|Delet|Creat|Updat|Join|Leav|Left|Assign|Grant|Revok|Request|Invit|Pend|Reject|Ban/;

/**
 * `event_name`, `changeType`; history tables (Envers' `REVTYPE`, django-simple-history's `history_type`, SQL Server's `__$operation`);
 * and what other connectors write (GoldenGate's and Confluent's `op_type`, Qlik's `header__change_oper`, Flink's `row_kind`, HVR's
 * `hvr_op`, Db2's `A_ENTTYP`, Estuary's `_meta`, SAP's `ODQ_CHANGEMODE` and `RECORDMODE`, Materialize's `mz_diff`).
 */
const OPERATION =
  /(?:^|_)(?:op|oper|operation|opcode|optype|action|verb|row_?kind|enttyp|dml|iud|mutation|rocancel|rev_?type)(?:_(?:type|name|code|op|flag|ind))?$|(?:^|_)event_(?:type|name|code|op)$|(?:^|_)(?:change|history|audit|trigger)_?(?:type|mode)$|(?:^|_)(?:record|row)_?mode$|^mz_diff$/;
const PERHAPS =
  /(?:^|_)(?:event|activity|kind)(?:_(?:type|name|code|op|flag|ind))?$|(?:^|_)(?:message|msg|record|row)_?(?:type|mode)$/;

/** Of columns that hold many other things, too; only in a row that is known to be one. */
const SELDOM =
  /^type$|(?:^|_)change$|(?:^|_)(?:log|entry|revision|modification|update|txn|transaction)_?(?:type|kind)$/;
/** A flag or a setting of the member (`is_op`, 0 or 1 in MySQL), or the name of an operator (`create_oper`). */
const OF_NO_OPERATION =
  /^(?:is|has|can|may|default)_|(?:^|_)(?:created?|updated?|modify|modified)_(?:op|oper)$|(?:^|_)oper_(?:name|code)$/;

const namesOperation = (words: string): boolean => OPERATION.test(words) && !OF_NO_OPERATION.test(words);

/** Of the words of a column's name, in a row that is known to be one: whether its value says what was done. null: it never does. */
export const operationIn = (words: string): Saying | null =>
  namesOperation(words) ? saysSomething : PERHAPS.test(words) || SELDOM.test(words) ? namesChange : null;

/** Of a JSON of which nothing else says that it is a row: it may be an event. */
export const isEventName = remembered((words) => namesOperation(words) || PERHAPS.test(words));
