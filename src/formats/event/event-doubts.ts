/**
 * What an event of an application says of itself beside its names, read by the words of its fields: how it ended, that it is only asked for,
 * planned or taken back, that it is another operation, or of another member or group. What is not understood makes the event unclear.
 */
import type { Op } from '../../core/change/change.ts';
import { isSameId } from '../../core/change/id-key.ts';
import { foundId } from '../reading/ids.ts';
import { fieldsIn, isThere, textIn, type Fields } from '../reading/reading.ts';
import { memoizedByWords } from './field-words.ts';
import { isObject } from '../../core/text/json.ts';

type Kind =
  | 'success'
  | 'outcome'
  | 'ending'
  | 'partial_ending'
  | 'code'
  | 'doubt'
  | 'doubt_of_addition'
  | 'operation'
  | 'other_id'
  | null;

/** Of the event as a whole: where one of these says so, it came to nothing. */
const SUCCESS = /^(?:(?:is|was)_)?(?:success|successful|succeeded|ok)$/;
const OUTCOME = /^(?:result|outcome)$/;
/** Of the event, or of the membership; `isConfirmed` and the like are of the member. */
const ENDING = /^(?:status|state|phase|stage|approved|applied|completed|confirmed|executed|committed)$/;
/** Of a part of it, or of something else: a bad one does not say that nothing has changed. */
const PARTIAL_ENDING =
  /(?:^|_)(?:status|state|results?|outcome|success|successful|succeeded|phase|stage|approval|approved|applied|completed|confirmed|executed|committed|accepted)$/;
const CODE = /(?:^|_)(?:(?:status|result|response|http|return)_code|http_status)$/;
/** What speaks for itself: a try, a failure, a plan, a change that was taken back. `false`, null and nothing at all do not. */
const DOUBT = new RegExp(
  '(?:^|_)(?:' +
    'dry_?run|test|simulat(?:ed?|ion)|preview|draft|pending|proposed|planned|failed|failures?|errors?|exceptions?|' +
    '(?:fail(?:ure|ed)?|error|exception)_(?:code|message|reason|type|text|at)|' +
    '(?:cancell?ed|cancell?ation|rejected|rejection|denied|declined|reverted|rolled_?back|undone|aborted|compensated)(?:_(?:at|on|by|reason))?|' +
    '(?:requires?|needs?|awaits?|awaiting|requested|pending)_(?:approval|confirmation|review)|approval_(?:required|pending)|' +
    'scheduled?_?(?:at|for|on|time|date)?|effective_?(?:at|from|date|on)|(?:starts?|activates?|activation|execute|due)_?(?:at|on|date|time)|' +
    'valid_?from|not_?before|negated|inverse|command' +
    ')$',
);
/** Of a removal it may be what has happened. */
const DOUBT_OF_ADDITION =
  /(?:^|_)(?:deleted|removed|revoked|left|terminated|deactivated)(?:_(?:at|on|by|date|reason))?$/;
const OPERATION =
  /(?:^|_)(?:op|oper|operation|verb|change|action|intent|message_kind|event_kind)(?:_(?:type|name|kind))?$|^kind$/;
const OTHER_ID =
  /^(?:(?:target|affected|subject|principal|assignee|added|removed|new|old|previous|former|from|to|source|destination)_(?:user|member|group|team)s?(?:_?ids?)?|(?:target|affected|subject|principal|assignee)_ids?)$/;

const kindOf = memoizedByWords((words): Kind => {
  if (CODE.test(words)) return 'code';
  if (DOUBT.test(words)) return 'doubt';
  if (SUCCESS.test(words)) return 'success';
  if (OUTCOME.test(words)) return 'outcome';
  if (ENDING.test(words)) return 'ending';
  if (PARTIAL_ENDING.test(words)) return 'partial_ending';
  if (DOUBT_OF_ADDITION.test(words)) return 'doubt_of_addition';
  if (OPERATION.test(words)) return 'operation';
  return OTHER_ID.test(words) ? 'other_id' : null;
});

const GOOD_ENDING =
  /^(?:success|succeeded|successful|ok|true|done|completed?|applied|active|approved|accepted|confirmed|executed|committed|after|final)$/i;
const BAD_ENDING = /^(?:fail(?:ed|ure)?|error|false|rejected|denied|cancell?ed|aborted)$/i;

/** What a removal is skipped for. Another bad word may say of the member that it was rejected, or of the membership that it is over. */
const FAILED = {
  ending: /^(?:fail(?:ed|ure)?|error|aborted)$/i,
  outcome: /^(?:fail(?:ed|ure)?|error|aborted|rejected|denied)$/i,
};

type Ending = 'good' | 'failed' | 'unknown';

/**
 * How the event says that it ended; most say nothing.
 * @param op what it does to memberships; null: that is not clear
 */
export function endingOf(layers: readonly Fields[], op: Op | null): Ending {
  let ending: Ending = 'good';
  for (const fields of layers) {
    for (const [name, value] of Object.entries(fields)) {
      const here = endingIn(kindOf(name), value, op);
      if (here === 'failed') return here;
      if (here === 'unknown') ending = here;
    }
  }
  return ending;
}

function endingIn(kind: Kind, value: unknown, op: Op | null): Ending {
  switch (kind) {
    case 'success':
      return isThere(value) ? endingAs(value) : 'good';
    case 'outcome':
    case 'ending':
      if (!isThere(value)) return 'good';
      return op === 'remove' && endingAs(value) === 'failed' && !FAILED[kind].test(String(value))
        ? 'unknown'
        : endingAs(value);
    case 'partial_ending':
      return isThere(value) && endingAs(value) !== 'good' ? 'unknown' : 'good';
    case 'code':
      return !isThere(value) || /^2\d\d$/.test(String(value)) ? 'good' : 'unknown';
    case 'doubt':
      return isSaid(value) ? 'unknown' : 'good';
    case 'doubt_of_addition':
      return op !== 'remove' && isSaid(value) ? 'unknown' : 'good';
    default:
      return 'good';
  }
}

function endingAs(value: unknown): Ending {
  const text = typeof value === 'string' || typeof value === 'boolean' ? String(value) : '';
  if (BAD_ENDING.test(text)) return 'failed';
  return GOOD_ENDING.test(text) ? 'good' : 'unknown';
}

/** Names of operations in fields that are none of those that name the event. */
export const operationsIn = (fields: Fields, known: readonly string[]): readonly string[] =>
  Object.entries(fields)
    .filter(([name]) => kindOf(name) === 'operation' && !known.includes(name))
    .map(([, value]) => textIn(value))
    .filter((text) => text !== null)
    // `"kind":"event"` only says that it is none of a command.
    .filter((text) => !/^(?:domain_?)?event$/i.test(text));

/** Whether a field names another member or group than those that are known: then it is not said which one is meant. */
export const namesOthers = (fields: Fields, known: readonly string[]): boolean =>
  Object.entries(fields).some(
    ([name, value]) => kindOf(name) === 'other_id' && idsOf(value).some((id) => isOther(id, known)),
  );

const isOther = (id: string, known: readonly string[]): boolean => !known.some((one) => isSameId(one, id));

function idsOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(idsOf);
  const found = foundId(isObject(value) ? fieldsIn(value)['id'] : value, 'id');
  return found.kind === 'id' ? [found.id] : [];
}

/** No failures are also said as 0, or by an empty list or object. */
const isSaid = (value: unknown): boolean =>
  isThere(value) &&
  value !== false &&
  value !== 0 &&
  value !== '' &&
  value !== '0' &&
  value !== 'false' &&
  !(Array.isArray(value) && value.length === 0) &&
  !(isObject(value) && Object.keys(value).length === 0);
