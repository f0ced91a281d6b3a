/**
 * Columns and headers that say what was done: rows of history and audit tables have them, and what other connectors
 * write. A row of such a table was added when anything happened, so that it was added says nothing about the
 * membership. Also the values of a column, of any name, that say that something was taken away.
 */
import { eventNamed } from '../event/event-name.ts';
import { memoized, memoizedByWords } from '../reading/memo.ts';
import { isObject } from '../../core/text/json.ts';

export type Saying = (value: unknown) => boolean;

/** A flag (`op`: an operator of a channel) says of no operation, a text or a code does; Oracle's numbers are objects. */
export const saysSomething: Saying = (value) =>
  typeof value === 'string' ? value.trim() !== '' : typeof value === 'number' || isObject(value);

/** Such a column says as often of what kind the membership is: `kind`, `type`. */
const namesChange: Saying = (value) => typeof value === 'string' && isChangeOfMember(value);
const namesChangeOrRemoval: Saying = (value) => namesChange(value) || isRemoval(value);
const namesChangeOrCode: Saying = (value) => namesChange(value) || isRemovalOrCode(value);
/** What was done last in a table of members is mostly something else (`login`), or when; a code is that of a change. */
const namesChangeOrAnyCode: Saying = (value) =>
  typeof value === 'number'
    ? value < 1_000
    : namesChangeOrCode(value) || (typeof value === 'string' && /^\s*(?:\S|\d{1,3})\s*$/.test(value));
/** ClickHouse's `sign`, the `diff` of differential dataflow: how many rows have come; gone ones are negative. */
const isNegative: Saying = (value) =>
  typeof value === 'number' ? value < 0 : typeof value === 'string' && /^\s*-(?:\d|\s*$)/.test(value);

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
 * `hvr_op`, Db2's `A_ENTTYP`, Estuary's `_meta`, SAP's `ODQ_CHANGEMODE` and `RECORDMODE`, Materialize's `mz_diff`, Talend's
 * `TALEND_CDC_TYPE`, Oracle's `DMLTYPE$$`); audits of Oracle EBS, PeopleSoft and Moodle (`AUDIT_TRANSACTION_TYPE`, `AUDIT_ACTN`, `crud`).
 */
const OPERATION =
  /(?:^|_)(?:op|oper|operation|opcode|optype|action|verb|row_?kind|enttyp|dml|iud|mutation|rocancel|rev(?:ision)?_?type)(?:_(?:type|name|code|op|flag|ind))?$|(?:^|_)event_(?:type|name|code|op)$|(?:^|_)(?:change|history|audit|trigger)_?(?:type|mode)$|(?:^|_)(?:record|row)_?mode$|^mz_diff$|(?:^|_)crud$|(?:^|_)(?:audit|history|cdc|dml)_?(?:(?:transaction|trx|txn|change|row|record)_?)?(?:type|actn)$/;
const PERHAPS =
  /(?:^|_)(?:event|activity|kind)(?:_(?:type|name|code|op|flag|ind))?$|(?:^|_)(?:message|msg|record|row)_?(?:type|mode)$/;

/** Of columns that hold many other things, too; only in a row that is known to be one. */
const SELDOM =
  /(?:^|_)change$|(?:^|_)(?:log|entry|modification|update|txn|transaction|request|task|job|command)_?(?:type|kind)$/;
/** With what the names of columns end that say what was done; their values decide. */
const LIKE =
  /(?:method|command|cmd|change|diff|statement|stmt|modification|transition|direction|actn)$|(?:^|_)(?:act|evt|changed|what|(?:new|to|after)_value)$/;
/** What a name says of changes; not who has made them. */
const OF_CHANGES =
  /^(?!.*_by$).*(?:audit|cdc|histor|(?:^|_)(?:chang|chng|chg|trans?(?:_|action|type|code)|trn_|trx|txn|dml|iud|log(?:_|type|code)|journal|jrnl|rev(?:_|ision|type)|mod(?:_|ification|type)|maint(?:_|enance|type)|upd(?:_|ate_)|diff(?:_|type|$)|delta|cmd|command|op(?:_|er_)|act(?:_|n|ion|$)|evt|event|activity|stmt|statement|transition|pgh_)|^(?:(?:member|membership|change)_)?direction$)/;
/** With what such a name ends where a code (`D`) says what was done. */
const OF_CODES =
  /(?:type|kind|label|code|flag|indicator|ind|change|diff|statement|stmt|modification|transition|direction|actn|cmd|command)$|(?:^|_)(?:cd|act|evt|changed)$/;
const SIGN = /^(?:(?:row|record|change|cdc|member|membership|op)_)?(?:sign|diff|delta|change)$/;
/** `is_add`, `inserted`: no flag of a member. */
const IS_ADDITION = /^(?:(?:is|was)_)?(?:add|added|addition|insert|inserted|insertion)(?:_(?:flag|ind|yn))?$/;

/** A flag or a setting of the member (`is_op`, 0 or 1 in MySQL), or the name of an operator (`create_oper`). */
const OF_NO_OPERATION =
  /^(?:is|has|can|may|default)_|(?:^|_)(?:created?|updated?|modify|modified)_(?:op|oper)$|(?:^|_)oper_(?:name|code)$/;
/** Of the member: what they did last, or how they were made. */
const OF_ITS_PAST =
  /(?:^|_)(?:last|latest|first|initial|created?|creation|signup)_(?:\w+_)?(?:action|operation)(?:_(?:type|name|code))?$/;

const namesOperation = (words: string): boolean =>
  OPERATION.test(words) && !OF_NO_OPERATION.test(words) && !OF_ITS_PAST.test(words);

/** Of the words of a column's name, in a row that is known to be one: whether its value says what was done. null: it never does. */
export function operationIn(words: string): Saying | null {
  if (IS_ADDITION.test(words)) return saysNo;
  if (namesOperation(words)) return saysSomething;
  if (OF_ITS_PAST.test(words)) return namesChangeOrAnyCode;
  const ofText = sayingOfText(words);
  if (!SIGN.test(words)) return ofText;
  return (value) => isNegative(value) || ofText?.(value) === true;
}

function sayingOfText(words: string): Saying | null {
  const isOfChanges = OF_CHANGES.test(words);
  if (PERHAPS.test(words) || words === 'type') return isOfChanges ? namesChangeOrCode : namesChange;
  if (SELDOM.test(words)) return isOfChanges ? namesChangeOrCode : namesChangeOrRemoval;
  if (OF_NO_OPERATION.test(words)) return null;
  if (isOfChanges) return OF_CODES.test(words) ? isRemovalOrCode : isRemoval;
  return LIKE.test(words) ? isRemoval : null;
}

/** Of a JSON of which nothing else says that it is a row: it may be an event. */
export const isEventName = memoizedByWords((words) => namesOperation(words) || PERHAPS.test(words));

const LENGTH_MAX = 64;

/** What was done, alone or beside whom and how. */
const REMOVAL_VERB =
  'delet(?:e|ed|es|ing|ion)|remov(?:e|ed|es|ing|al)|destroy(?:ed)?|revok(?:e|ed)|revocation|unassign(?:ed)?|unsubscrib(?:e|ed)|unenrol(?:l|led)?|' +
  'disenroll(?:ed)?|unlink(?:ed)?|unjoin(?:ed)?|leave|leaving|kick(?:ed)?|ban(?:ned)?|expel(?:led)?|expulsion|evict(?:ed)?|purged?|dropped|drop|terminated?|termination|' +
  'deactivated?|deprovision(?:ed)?|offboard(?:ed)?|detach(?:ed)?|withdraw(?:n|al)?|resign(?:ed)?|exclu(?:de|ded|sion)|suspend(?:ed)?|reject(?:ed|ion)?|declined?|erased?|truncated?';
const BESIDE =
  'memberships?|members?|users?|groups?|teams?|rows?|records?|accounts?|roles?|from|of|to|the|by|self|admin|owner|system|auto|automatic|bulk|soft|hard|logical(?:ly)?|manual(?:ly)?|was|is|been|has';
/** All of it is understood: `Do not delete` and `Terminated employees` are no removals. */
const REMOVAL = new RegExp(`^\\s*(?:(?:${BESIDE})[\\W_]*)*(?:${REMOVAL_VERB})(?:[\\W_]*(?:${BESIDE}))*\\s*$`, 'i');
/** The text of a statement, as an audit has it. */
const STATEMENT = /^\s*delete\s+from\s/i;

/** Types and codes are short, and a table has few of them; no statement is. */
const SHORT = 12;
const KEPT_MAX = 1_000;
const isShortRemoval = memoized((value) => REMOVAL.test(value), KEPT_MAX);

/** `DELETE`, `membership_removed`, `remove user from group`. */
export function isRemoval(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  if (value.length > SHORT) return (value.length <= LENGTH_MAX && REMOVAL.test(value)) || STATEMENT.test(value);
  return isShortRemoval(value);
}

/** Of columns that are known to speak of changes: elsewhere D is a grade, DEL a city, and left a side. */
export const isRemovalOrCode = (value: unknown): boolean =>
  isRemoval(value) || (typeof value === 'string' && value.length <= LENGTH_MAX && CODE.test(value.trim()));
const CODE = /^(?:d|-d|del|dl|rm|rmv|rem|left|exit|exited|out|terminal)$/i;

/** Not what is null, nor a time or a name that stands there. */
export const saysNo = (value: unknown): boolean =>
  value === false || value === 0 || (typeof value === 'string' && NO.test(value.trim()));
const NO = /^(?:0|f|n|no|false)$/i;
