/**
 * Columns that usually mark a row as no membership (any more): deleted, inactive, not accepted yet, at its end; of a history; of a member
 * who is no user. What they are called differs, so they are known by their words. Unless DEBEZIUM_MEMBER_WHERE says what they mean such a
 * row is no change, and loud.
 */
import { memoizedByWords } from '../reading/memo.ts';
import { type Fields } from '../reading/reading.ts';
import { isRemoval, isRemovalOrCode, operationIn, saysNo, saysSomething } from './operation.ts';
import { isObject } from '../../core/text/json.ts';

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
/** A time that is no sign for `never`. One that is near is one, though it has not come yet: no record will tell when it has. */
const isTime: Mark = (value) =>
  isSet(value) && !(typeof value === 'number' && isNever(value)) && !(typeof value === 'string' && NEVER.test(value));
/** Where a name alone is too little (`to`). */
const isDate: Mark = (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\d/.test(value) && isTime(value);
const isEnding: Mark = (value) => isWord(value, ENDINGS);
const isEndingOrRemoval: Mark = (value) => isEnding(value) || isRemoval(value);
/** XMPP: who has no affiliation is no member. */
const isEndingOrNone: Mark = (value) => isEnding(value) || isWord(value, NONE);
const isRefusal: Mark = (value) => value === false || isEnding(value) || isWord(value, REFUSALS);
/** `left` is a number in the tables of trees. */
const isTrue: Mark = (value) => value === true || (isWord(value, TRUE) && value !== '1');
/** `["2017-08-01 00:00:00+00","2018-01-01 00:00:00+00")`: PostgreSQL's ranges, with an end. */
const isClosed: Mark = (value) => {
  if (typeof value !== 'string') return false;
  const end = /^[[(][^,]{0,64},"?([^,"]{1,64})"?[\])]$/.exec(value.trim())?.[1];
  return end === undefined ? value.trim() === 'empty' : isTime(end);
};

const isWord = (value: unknown, words: ReadonlySet<string>): boolean =>
  typeof value === 'string' && words.has(value.trimEnd().toLowerCase());

const USUAL_STATES: ReadonlySet<string> = new Set(
  'active activated enabled approved accepted confirmed current member joined valid granted assigned normal in'.split(
    ' ',
  ),
);

const NONE: ReadonlySet<string> = new Set(['none']);
const REFUSALS: ReadonlySet<string> = new Set(['no', 'not_going', 'not going', 'notgoing', 'not_attending', 'false']);
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
/** Nor does anything run until 2099, in any unit; in days only the turn of a year does not: other numbers are as small. */
const isNever = (time: number): boolean =>
  isFarAway(time) || LATE.some(([from, to]) => time >= from && time <= to) || (time >= 47_481 && isTurnOfYear(time));
const LATE: readonly (readonly [from: number, to: number])[] = [
  [4_070_908_800_000, 32_503_680_000_000],
  [4_070_908_800_000_000, 32_503_680_000_000_000],
  [4_070_908_800_000_000_000, Infinity],
];
const isTurnOfYear = (days: number): boolean =>
  days < 376_200 && /-(?:12-31|01-01)T/.test(new Date(days * 86_400_000).toISOString());
/** Years from 2500 to 2699 are those of the Buddhist calendar by now. */
const NEVER = /^(?:9999|infinity|(?:2099|2[1-47-9]\d\d|[3-9]\d{3})(?:[-/]|(?:1231|0101)$))/i;

/** Of columns that say more than this, as Matrix's `membership`. */
const ENDINGS: ReadonlySet<string> = new Set(
  (
    'applicant ban banned blocked declined deleted denied deny expired inactive invitation invite invited invitee kicked knock leave ' +
    'left outcast pending rejected removed request requested revoked suspended waitlist waitlisted'
  ).split(' '),
);

/** `_at`, `_on` and the like behind a word that says that something has happened. */
const WHEN =
  '(?:_?(?:at|on|by|since|date|time|ts|timestamp|dt|tm|flag|ind|yn|datetime|utc|reason|id|by_?(?:user_?)?id))?';
const BEFORE = '(?:^|_)(?:is_?|has_|date_|was_|ts_?|dt_)?';

/** What has ended a membership, or not begun one, where the column is set. */
const ENDED =
  '(?:un|de|dis)_?(?:enroll?ed|provisioned|registered|joined|granted|associated|affiliated|mapped|authorized|allocated|boarded)|leaved|' +
  'revocation|deactivation|suspension|expulsion|eviction|dismissal|rejection|withdrawal|cessation|separation|deprovisioning|offboarding|unassignment|(?:un|dis)enroll?ment|' +
  'deleted?|delete|deletion|del|removed?|remove|removal|revoked|archived|deactivated|disabled|inactive|suspended|banned|blocked|kicked|exclude|exclusion|denied|deny|departed|wait_?listed|on_wait_?list|' +
  'cancell?ed|cancell?ation|unassigned|withdrawn|terminated|termination|rejected|declined|forgotten|ended|expired|pending|void|voided|' +
  'trashed|trash|retired|purged|obsolete|obsoleted|tombstone|tombstoned|hidden|resigned|resignation|quit|exited|dropped|unsubscribed|' +
  'opted_?out|erased|destroyed|discarded|dissolved|closed|ceased|invalidated|invalid|dismissed|excluded|expelled|evicted|ejected|' +
  'offboarded|detached|unlinked|replaced|superseded|not_active|not_valid|non_?member|former|historical|historic';

/** By the words of the name, the likeliest first. */
const MARKS: readonly (readonly [Mark, RegExp])[] = [
  [isSet, new RegExp(`${BEFORE}(?:soft_?|logical(?:ly)?_?)?(?:${ENDED})${WHEN}$`)],
  [
    isSet,
    /^is_(?:history|past)$|(?:^|_)date_of_(?:leaving|exit|departure)$|(?:^|_)(?:(?:left|leave|leaving|leaver|exit|departure|departed|quit)_?(?:at|on|date|time|ts|dt)|date_?(?:left|exit)|has_left|is_left)$/,
  ],
  // Not what else is finished: `lessons_finished`.
  [
    isSet,
    /^(?:(?:is|was|has)_)?(?:(?:membership|member|assignment|participation|enroll?ment|period|row)_)?finished(?:_(?:at|on|by|date|time))?$/,
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
        'date_?(?:end|to|until|till|thru)|(?:valid|validity|eff|effective|active|member|membership|row|period|sys|fivetran)_?(?:to|until|till|thru|through|end)|' +
        'not_?after|until|till|thru|endda)$|^(?:end|ends|stop)$',
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
  [isDate, /^(?:to|out_z)$/],
  // Hibernate Envers, SQLAlchemy-Continuum: the revision with which the row ended.
  [isSet, /^(?:rev_?end|end_(?:transaction|txn|revision|rev|version)(?:_id)?)$/],
  [
    saysNo,
    /^(?:(?:is|was)_)?(?:(?:user|member|membership|access)_)?(?:granted|present|allowed|permitted|authorized|exists|alive|included?|enrolled|assigned|in|member)(?:_(?:flag|ind|yn))?$/,
  ],
  [isTrue, /^(?:left|(?:is_)?request)$/],
  [isClosed, /(?:^|_)(?:period|during|validity|lifespan|tstz_?range|(?:date|time|valid|active|effective)_?range)$/],
  [isEndingOrNone, /^affiliation$/],
  [isRefusal, /^(?:rsvp|rsvp_(?:response|answer|reply)|response)$/],
  [
    isEndingOrRemoval,
    /^(?:membership|role|type|kind|effect|relation|relationship|level|access|access_level|standing|stage|phase)$/,
  ],
  [isRemovalOrCode, /(?:^|_)(?:rec|record|row)_(?:ind|indicator|flag|cd|code)$/],
  // What the row is; not what has become of those who made it.
  [
    isRemoval,
    /^(?!.*(?:^|_)(?:by|creator|inviter|author|owner)_).*(?:(?:type|kind|label|code|flag|indicator|ind|mode|reason|desc|description)$|(?:^|_)(?:cd|rule)$)/,
  ],
];

/** What a member may do, is sent, or signs in with: of no membership, though it is called like its end. */
const OF_SETTING =
  /^(?:can|may)_|(?:^|_)(?:e_?mails?|notifications?|newsletters?|digests?|reminders?|push|sms|marketing|mfa|2fa|two_factor)_(?:is_)?(?:active|enabled|disabled|subscribed|unsubscribed|opted_?out|status|state)(?:_(?:at|on))?$|(?:^|_)(?:muted?|snoozed?|silenced?)_(?:until|till)$|(?:^|_)(?:token|password|session|api_key|otp)_expir\w*$|(?:^|_)(?:sync|read|online|presence|lockout)_(?:status|state)$/;
/** Of a person: where they live, and what else is known or asked of them. */
const OF_PERSON =
  /(?:^|_)(?:home|address|addr|country|mailing|shipping|billing|residen(?:ce|cy)|birth|licen[cs]e)_state$|(?:^|_)(?:address|residency|marital|tax|payment|invoice|kyc|kyb|aml|vaccination|delivery)_(?:status|state|stat|sts)$/;
/** What a member goes through, and is one behind it, too. */
const OF_PASSAGE =
  /(?:^|_)(?:trial|probation|onboarding|training|tutorial|tour|survey|setup)_(?:is_?)?(?:status|state|active|end|ends|ended|ending|expir(?:es?|ed|y|ation)|finish|finished|closed|dismissed|until)(?:_?(?:at|on|date|time|ts|dt))?$/;
const saysNoEnd = (words: string): boolean => OF_SETTING.test(words) || OF_PERSON.test(words) || OF_PASSAGE.test(words);

export interface Marked {
  readonly column: string;
  /** `ended`: deleted, inactive or the like; `operation`: what was done, as in a history; `no_user`: the member is a group or the like. */
  readonly says: 'ended' | 'operation' | 'no_user';
}

/** What a column of this name may say. */
interface Meanings {
  readonly ended: Mark | null;
  readonly operation: Mark | null;
  readonly noUser: Mark | null;
}

const meaningsOf = memoizedByWords((words): Meanings | null => {
  const ended = saysNoEnd(words) ? null : (MARKS.find(([, pattern]) => pattern.test(words))?.[0] ?? null);
  const [operation, noUser] = [operationIn(words), memberTypeIn(words)];
  return ended === null && operation === null && noUser === null ? null : { ended, operation, noUser };
});

/**
 * What marks the row; null: nothing does. That it is no row of a membership counts more than that the membership has ended.
 * @param isKnown columns of which the operator has said what they mean.
 */
export function markIn(row: Fields, isKnown: (column: string) => boolean): Marked | null {
  let ended: string | null = null;
  for (const column in row) {
    const meanings = meaningsOf(column);
    if (meanings === null || isKnown(column)) continue;
    const value = row[column];
    if (meanings.noUser?.(value) === true) return { column, says: 'no_user' };
    if (meanings.operation?.(value) === true) return { column, says: 'operation' };
    if (meanings.ended !== null && ended === null && (isObject(value) || meanings.ended(value))) ended = column;
  }
  return ended === null ? null : { column: ended, says: 'ended' };
}

/** The column in which rows of the table say what was done, though this one may not say it; null: none. */
export function operationColumnIn(row: Fields, isKnown: (column: string) => boolean): string | null {
  for (const name in row) if (meaningsOf(name)?.operation === saysSomething && !isKnown(name)) return name;
  return null;
}

/** Whether rows of the table can be marked as ended at all; not by what mostly says something else (Keycloak's `membership_type`). */
export function canBeMarked(row: Fields): boolean {
  for (const name in row) {
    const ended = meaningsOf(name)?.ended ?? null;
    if (ended !== null && ended !== isRemoval) return true;
  }
  return false;
}

/**
 * Columns that say what the member of the row is, not who has added it (`created_by_user_type`). Groups, devices and services are no
 * members of a Genesys group.
 */
const OF_MEMBER =
  /(?:^|_)(?<!by_)(?:member|principal|user|subject|grantee|assignee|trustee|child)_?(?:type|kind|class)$/;
/** Crowd: `GROUP_USER`, `GROUP_GROUP`. Keycloak's `MANAGED` says nothing of it. */
const OF_MEMBERSHIP = /(?:^|_)membership_?(?:type|kind)$/;

const OTHERS: ReadonlySet<string> = new Set(
  (
    'group groups subgroup nestedgroup usergroup securitygroup distributiongroup team role organization organisation orgunit ' +
    'department device computer machine service serviceaccount serviceprincipal serviceuser application app robot'
  ).split(' '),
);

/** `App\Models\Group`, `Group::Nested`: the last name of a class counts. */
const isOther = (type: string): boolean => OTHERS.has(lastWord(type));
const isNested = (type: string): boolean => /^(?:group_?(?:to_?)?group|nested_?group|sub_?group)$/i.test(type.trim());

const LENGTH_MAX = 256;

const lastWord = (type: string): string =>
  type.length > LENGTH_MAX
    ? ''
    : (
        type
          .trim()
          .split(/[\\.:/]+/)
          .at(-1) ?? ''
      )
        .replaceAll(/[^A-Za-z0-9]+/g, '')
        .toLowerCase();

/** Of the words of a column's name: whether its value says that the member is no user. null: it never does. */
function memberTypeIn(words: string): ((value: unknown) => boolean) | null {
  const isNoUser = OF_MEMBER.test(words) ? isOther : OF_MEMBERSHIP.test(words) ? isNested : null;
  return isNoUser && ((value) => typeof value === 'string' && isNoUser(value));
}

/** `subject_type` beside `subject_id`: it says what the column of that id names. */
export const isTypeBeside = (column: string, idColumn: string): boolean => {
  const type = /^(.+?)_?(?:type|kind|class)$/i.exec(column)?.[1];
  return type !== undefined && type.toLowerCase() === /^(.+?)_?id$/i.exec(idColumn)?.[1]?.toLowerCase();
};
