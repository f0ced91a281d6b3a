/**
 * Columns that usually mark a row as no membership (any more): deleted, inactive, not accepted yet, at its end. What they are called
 * differs, so they are known by their words. Without DEBEZIUM_MEMBER_WHERE such a row is no change, and loud.
 */
import { type Fields, isFields } from './reading.ts';

type Mark = (value: unknown) => boolean;

/** A time, or true, where the row is deleted; databases and Debezium fill a column that says nothing with a zero. */
const isSet: Mark = (value) => value !== null && value !== false && !isNothing(value);
const isNothing = (value: unknown): boolean =>
  value === 0 ||
  (typeof value === 'string' &&
    (value === '' || /^(?:0|f|n|no|false|0000-00-00.*|1970-01-01T00:00:00.*)$/i.test(value)));
const isOff: Mark = (value) =>
  value !== null && value !== true && !(typeof value === 'number' && value === 1) && !isWord(value, TRUE);
const isNoUsualState: Mark = (value) => value !== null && !isWord(value, USUAL_STATES);
const isUnset: Mark = (value) => value === null || isNothing(value);
/** A time that is no sign for `never`. */
const isTime: Mark = (value) =>
  isSet(value) &&
  !(typeof value === 'number' && value > FAR_AWAY_MS) &&
  !(typeof value === 'string' && NEVER.test(value));
const isEnding: Mark = (value) => isWord(value, ENDINGS);

const isWord = (value: unknown, words: ReadonlySet<string>): boolean =>
  typeof value === 'string' && words.has(value.toLowerCase());

const USUAL_STATES: ReadonlySet<string> = new Set(
  'active activated enabled approved accepted confirmed current member joined valid granted assigned'.split(' '),
);

const TRUE: ReadonlySet<string> = new Set(['true', '1', 't', 'yes', 'y']);
/** 3000-01-01; in microseconds all times are beyond. */
const FAR_AWAY_MS = 32_503_680_000_000;
const NEVER = /^(?:9999|infinity)/i;

/** Of columns that say more than this, as Matrix's `membership`. */
const ENDINGS: ReadonlySet<string> = new Set(
  (
    'ban banned blocked declined deleted denied expired inactive invite invited kicked knock leave left pending rejected removed ' +
    'requested revoked suspended'
  ).split(' '),
);

const AT = '(?:_(?:at|on|by|date|time|ts|timestamp|dt|flag|ind|yn))?';

/** By the words of the name, the likeliest first. */
const MARKS: readonly (readonly [Mark, RegExp])[] = [
  [
    isSet,
    new RegExp(
      '(?:^|_)(?:is_?|has_|date_|was_)?(?:deleted?|del|removed?|revoked|archived|deactivated|disabled|inactive|suspended|banned|blocked|' +
        `kicked|cancell?ed|unassigned|withdrawn|terminated|rejected|declined|forgotten|ended|expired|pending)${AT}$`,
    ),
  ],
  [
    isSet,
    /(?:^|_)(?:deletedat|deleteat|deletedon|isdeleted|delflag|deleteflag|(?:deletion|removal)_(?:time|date|at)|left_(?:at|on|date)|has_left)$/,
  ],
  [
    isTime,
    /^(?:expires?_(?:at|on)|end_(?:date|time|at)|valid_(?:to|until|till)|(?:effective|membership)_(?:to|end|end_date))$/,
  ],
  [isOff, /(?:^|_)(?:is_?)?(?:active|enabled|valid|current|approved|confirmed|accepted)(?:_(?:flag|ind|yn))?$/],
  [isUnset, /^(?:accepted|approved|confirmed)_(?:at|on|date)$/],
  [isNoUsualState, /^(?:(?:membership|member|row|record)_?)?(?:status|state)$/],
  [isEnding, /^(?:membership|role|type|level|access|access_level|standing)$/],
];

/** `deletedAt`, `DELETED_AT` and `_deleted_at` alike. */
const wordsIn = (name: string): string =>
  name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '');

const KEPT_MAX = 10_000;

/** What is asked of a name, answered once: tables have few columns. */
export function remembered<T>(ask: (words: string) => T): (name: string) => T {
  const known = new Map<string, T>();
  return (name) => {
    const present = known.get(name);
    if (present !== undefined) return present;
    const answer = ask(wordsIn(name));
    if (known.size >= KEPT_MAX) known.clear();
    known.set(name, answer);
    return answer;
  };
}

const markOf = remembered((words) => MARKS.find(([, pattern]) => pattern.test(words))?.[0] ?? null);

/** The column that marks the row; null: none does. */
export function markIn(row: Fields): string | null {
  for (const name in row) {
    const mark = markOf(name);
    if (mark !== null && (isFields(row[name]) || mark(row[name]))) return name;
  }
  return null;
}

/** Whether rows of the table can be marked at all. */
export function canBeMarked(row: Fields): boolean {
  for (const name in row) if (markOf(name) !== null) return true;
  return false;
}
