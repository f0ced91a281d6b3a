/**
 * Columns that usually mark a row as no membership (any more): deleted, inactive, not accepted yet, at its end. What they are called
 * differs, so they are known by their words. Without DEBEZIUM_MEMBER_WHERE such a row is no change, and loud.
 */
import { remembered } from './field-words.ts';
import { type Fields, isFields } from './reading.ts';

type Mark = (value: unknown) => boolean;

/**
 * A time, or true, where the row is deleted; databases, languages and Debezium fill a column that says nothing with a zero, blanks, their
 * first date (Go and .NET: 0001-01-01, SQL Server: 1900-01-01) or the last one.
 */
const isSet: Mark = (value) => value !== null && value !== false && !isNothing(value);
const isNothing = (value: unknown): boolean =>
  typeof value === 'number' ? isFillerNumber(value) : typeof value === 'string' && FILLER.test(value.trim());
const FILLER =
  /^(?:|0|f|n|no|false|(?:0000-00-00|0001-01-01|1900-01-01|9999-12-31|1970-01-01(?:Z?$|[T ]00:00:00)).*|infinity)$/i;
/** Not the last date in days: ids of users (`deleted_by`) are as large. */
const isFillerNumber = (value: number): boolean =>
  value === 0 || value <= DAYS_TO_1900 || (value > 1e12 && isFarAway(value));
/** 1900-01-01 in days since 1970; other units, and earlier dates, are lower. No id and no flag is. */
const DAYS_TO_1900 = -25_567;
const isOff: Mark = (value) =>
  value !== null && value !== true && !(typeof value === 'number' && value === 1) && !isWord(value, TRUE);
/** Such a column may also say when: Django's `date_joined`. No code of a state is that large. */
const isOffAndNoTime: Mark = (value) =>
  isOff(value) &&
  !(typeof value === 'number' ? value > 1_000 : typeof value === 'string' && /^\d{4}-\d\d-\d\d/.test(value));
const isNoUsualState: Mark = (value) => value !== null && value !== true && !isWord(value, USUAL_STATES);
const isUnset: Mark = (value) => value === null || isNothing(value);
/** A time that is no sign for `never`. */
const isTime: Mark = (value) =>
  isSet(value) && !(typeof value === 'number' && isFarAway(value)) && !(typeof value === 'string' && NEVER.test(value));
const isEnding: Mark = (value) => isWord(value, ENDINGS);

const isWord = (value: unknown, words: ReadonlySet<string>): boolean =>
  typeof value === 'string' && words.has(value.trimEnd().toLowerCase());

const USUAL_STATES: ReadonlySet<string> = new Set(
  'active activated enabled approved accepted confirmed current member joined valid granted assigned normal in'.split(
    ' ',
  ),
);

const TRUE: ReadonlySet<string> = new Set(['true', '1', 't', 'yes', 'y']);
/**
 * From 3000-01-01 to 9999-12-31, in days, milliseconds or microseconds since 1970, as the type of the column has it; and what PostgreSQL's
 * `infinity` becomes. Times of this age in microseconds or nanoseconds lie beyond these figures, or between them.
 */
const FAR_AWAY: readonly (readonly [from: number, to: number])[] = [
  [376_200, 2_932_897],
  [32_503_680_000_000, 253_402_300_800_000],
  [32_503_680_000_000_000, 253_402_300_800_000_000],
  [9_200_000_000_000_000_000, Infinity],
];
const isFarAway = (time: number): boolean => FAR_AWAY.some(([from, to]) => time >= from && time <= to);
const NEVER = /^(?:9999|infinity)/i;

/** Of columns that say more than this, as Matrix's `membership`. */
const ENDINGS: ReadonlySet<string> = new Set(
  (
    'ban banned blocked declined deleted denied expired inactive invite invited kicked knock leave left pending rejected removed ' +
    'requested revoked suspended'
  ).split(' '),
);

/** `_at`, `_on` and the like behind a word that says that something has happened. */
const WHEN = '(?:_?(?:at|on|by|date|time|ts|timestamp|dt|tm|flag|ind|yn|datetime|utc|reason|id))?';
const BEFORE = '(?:^|_)(?:is_?|has_|date_|was_|ts_?|dt_)?';

/** What has ended a membership, or not begun one, where the column is set. */
const ENDED =
  'deleted?|delete|deletion|del|removed?|remove|removal|revoked|archived|deactivated|disabled|inactive|suspended|banned|blocked|kicked|' +
  'cancell?ed|cancell?ation|unassigned|withdrawn|terminated|termination|rejected|declined|forgotten|ended|expired|pending|void|voided|' +
  'trashed|trash|retired|purged|obsolete|obsoleted|tombstone|tombstoned|hidden|resigned|resignation|quit|exited|dropped|unsubscribed|' +
  'opted_?out|erased|destroyed|discarded|dissolved|closed|ceased|invalidated|invalid|dismissed|excluded|expelled|evicted|ejected|' +
  'offboarded|detached|unlinked|replaced|superseded|not_active|not_valid|non_?member|former|historical|historic';

/** By the words of the name, the likeliest first. */
const MARKS: readonly (readonly [Mark, RegExp])[] = [
  [isSet, new RegExp(`${BEFORE}(?:soft_?|logical(?:ly)?_?)?(?:${ENDED})${WHEN}$`)],
  [
    isSet,
    /(?:^|_)(?:(?:left|leave|exit|departure|departed|quit)_?(?:at|on|date|time|ts|dt)|date_?(?:left|exit)|has_left|is_left)$/,
  ],
  // `invited_by` and the time of an invitation stand in the rows of members, too.
  [isSet, /(?:^|_)(?<!date_)(?:is_?)?(?:invited|requested|requested_at)$/],
  [
    isSet,
    /(?:^|_)(?:(?:invite|invitation|request|confirmation)_token|(?:pending|awaiting|needs?|requires?)_(?:approval|confirmation|acceptance))$/,
  ],
  [
    isTime,
    new RegExp(
      '(?:^|_)(?:expir(?:es?|y|ed|ation)(?:_?(?:at|on|date|time|ts|timestamp|dt|datetime))?|' +
        '(?:end|ends|ending|stop|finish|thru|through|until|till|(?<!up_)to(?!day)|eff_?end|sys_?end)_?(?:at|on|date|time|ts|timestamp|dt|day|datetime)|' +
        'date_?(?:end|to|until|till|thru)|(?:valid|effective|active|membership|row|period|sys)_?(?:to|until|till|thru|through|end)|' +
        'until|till|thru|endda)$',
    ),
  ],
  [
    isOffAndNoTime,
    /(?:^|_)(?:last_active|(?:is_?)?(?:approved|confirmed|accepted|subscribed|joined)(?:_(?:flag|ind|yn))?)$/,
  ],
  [isOff, /(?:^|_)(?:is_?)?(?:active|actv|enabled|valid|current|latest)(?:_(?:flag|ind|yn))?$/],
  [isOff, /(?:^|_)(?:is_?member|use_?yn|use_flag|in_use|in_group)$/],
  // Who was added without an invitation has never accepted one (GitLab's `invite_accepted_at`).
  [isUnset, /^(?:membership_)?(?:accepted|approved|confirmed|joined)_(?:at|on|date)$/],
  [isNoUsualState, /(?:^|_)(?:status|state|stat|sts|approval)$/],
  [isEnding, /^(?:membership|role|type|level|access|access_level|standing|stage|phase)$/],
];

/** What a member may do, is sent, or signs in with: of no membership, though it is called like its end. */
const OF_SETTING =
  /^(?:can|may)_|(?:^|_)(?:e_?mails?|notifications?|newsletters?|digests?|reminders?|push|sms|marketing|mfa|2fa|two_factor)_(?:is_)?(?:active|enabled|disabled|subscribed|unsubscribed|opted_?out|status|state)(?:_(?:at|on))?$|(?:^|_)(?:muted?|snoozed?|silenced?)_(?:until|till)$|(?:^|_)(?:token|password|session|api_key|otp)_expir\w*$|(?:^|_)(?:sync|read|online|presence|lockout)_(?:status|state)$/;

const markOf = remembered((words) =>
  OF_SETTING.test(words) ? null : (MARKS.find(([, pattern]) => pattern.test(words))?.[0] ?? null),
);

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
