/** Records of the retry topic: read as what they are, or unreadable; what is taken over can be worked with and written again. */
import { wholeDecision } from '../support/decisions.ts';
import { aSnapshot } from '../support/a-snapshot.ts';
import { isDeepStrictEqual } from 'node:util';
import { sha256 } from '../../src/adapters/system.ts';
import { WHOLE_GROUP, type Intent } from '../../src/core/change/change.ts';
import { deadLetter } from '../../src/core/log/dead-letter.ts';
import { heldDigest } from '../../src/core/group/guard.ts';
import {
  isRemovalsKey,
  parseRetryRecord,
  renderAnswer,
  renderState,
  type WireRecord,
} from '../../src/core/log/live-record.ts';
import { PAUSES_KEY } from '../../src/core/log/pause-record.ts';
import type { Stamp } from '../../src/core/log/ownership.ts';
import { emptyView, epochOf, readFence, readState, seqAfter } from '../../src/core/log/ownership.ts';
import { groupPath, patchBody } from '../../src/core/target/snapshot.ts';
import { textHeader } from '../../src/core/log/wire-intent.ts';
import { finalReport, heldReport, invalidFailure, retryReport } from '../../src/core/report/reporting.ts';
import { parseAnswer, requestKey, type OperatorAnswer, type Request } from '../../src/core/log/request-record.ts';
import { allWaiting, emptyWaiting, readWaiting } from '../../src/console/retry-topic.ts';
import { demand, single } from './kind.ts';
import type { SeededRandom } from '../support/random.ts';
import { digits, giant, json, mutatedBytes, mutatedJson, oddHeaders, oddText } from './mutate.ts';
import { AT, GROUP, STAMP, TROUBLE, aValidRecord } from './valid-retry-records.ts';
import { FACTS, demandStoredId, mustBeReport } from './source-records.ts';

export function aRetryRecord(random: SeededRandom): WireRecord {
  const valid = aValidRecord(random);
  const key = random.oneIn(12) ? anOddKey(random) : Buffer.from(valid.key);
  const headers = random.oneIn(3)
    ? oddHeaders(random, valid.headers)
    : valid.headers.map((header) => oddCount(random, header));
  const value = typeof valid.value === 'string' ? aValue(random, valid.value) : null;
  return { key, value, headers };
}

function aValue(random: SeededRandom, value: string): Buffer | null {
  if (random.oneIn(3_000)) return giant(random, `{"v":1,"group":"${GROUP}","pending":[`);
  if (random.oneIn(3_000))
    return json({ v: 1, group: GROUP, pending: Array.from({ length: 200_000 }, () => random.pick([{}, 0])) });
  switch (random.below(8)) {
    case 0:
      return Buffer.from(value);
    case 1:
      return mutatedBytes(random, Buffer.from(value));
    case 2:
      return random.oneIn(2) ? null : random.bytes(random.below(100));
    default:
      return value.startsWith('{')
        ? json(mutatedJson(random, JSON.parse(value)))
        : mutatedBytes(random, Buffer.from(value));
  }
}

const anOddKey = (random: SeededRandom): Buffer | null =>
  random.oneIn(8)
    ? null
    : random.oneIn(2)
      ? Buffer.from(oddText(random))
      : mutatedBytes(random, Buffer.from(requestKey('u')));

function oddCount(random: SeededRandom, [name, value]: WireRecord['headers'][number]): WireRecord['headers'][number] {
  if (!/epoch|seq/.test(name) || !random.oneIn(4)) return [name, value];
  return [name, Buffer.from(random.oneIn(2) ? '9'.repeat(1 + random.below(20)) : digits(random))];
}

function accountFor(record: WireRecord): string {
  const waiting = emptyWaiting();
  readWaiting(waiting, 0, record);
  parseAnswer(record.value, record.headers);
  const read = parseRetryRecord(record);
  demand(
    allWaiting(waiting).length === (read.kind === 'state' ? read.intents.length : 0),
    'operators see all that waits, and nothing else',
  );
  switch (read.kind) {
    case 'fence':
      demandNextStamp((view) => readFence(view, read.stamp), read.stamp);
      return 'fence';
    case 'state':
      demandNextStamp((view) => readState(view, read.group, read.stamp), read.stamp);
      demandStoredId(read.group);
      groupPath(read.group);
      demandWorkable(read.group, read.intents);
      return read.intents.length === 0 ? 'tombstone' : `live record: ${contentOf(read.intents)}`;
    case 'removals':
      demandNextStamp((view) => readState(view, read.key, read.stamp), read.stamp);
      for (const { group } of read.removals ?? []) if (group !== null) demandStoredId(group);
      return `removals: ${read.removals === null ? 'tombstone' : read.removals.length === 0 ? 'none' : 'some'}`;
    case 'pauses':
      demandNextStamp((view) => readState(view, read.key, read.stamp), read.stamp);
      for (const { group } of read.pauses.groups) demandStoredId(group);
      return `pauses: ${read.pauses.all === null && read.pauses.groups.length === 0 ? 'none' : 'some'}`;
    case 'request':
      return read.wanted === null ? 'request: taken up' : `request: ${answered(record, read.wanted)}`;
    case 'unreadable':
      if (read.group !== null && !isRemovalsKey(read.group) && read.group !== PAUSES_KEY) demandStoredId(read.group);
      return `unreadable: ${read.problem}`;
  }
}

const contentOf = (read: readonly Intent[]): string =>
  read.some(({ op }) => op === 'state')
    ? 'with a full state'
    : read.some(({ guard }) => guard?.kind === 'held')
      ? 'with held removals'
      : 'intents';

/** A later owner can write a record that counts. */
function demandNextStamp(read: (view: ReturnType<typeof emptyView>) => unknown, { owner }: Stamp): void {
  const view = emptyView();
  read(view);
  const epoch = epochOf(view.epochMax, 3);
  const stamp = { owner, epoch, seq: seqAfter(0, view, epoch) };
  const { key, value, headers } = renderState({ group: 'g', intents: [], stamp, trouble: null, now: 1, sha256 });
  const next = parseRetryRecord({ key: Buffer.from(key), value: value === null ? null : Buffer.from(value), headers });
  demand(next.kind === 'state', 'the next owner can read its own records');
  demand(readState(view, 'g', next.stamp) === 'counts', 'and they count');
}

function demandWorkable(group: string, read: readonly Intent[]): void {
  if (read.length === 0) return;
  demandSame(group, read);
  demandGuard(group, read);
  patchBody(read.filter(({ op }) => op !== 'state').slice(0, 50), {
    snapshot: aSnapshot([]),
    publicApiUrl: 'https://api.example.com',
  });
  const failure = invalidFailure('code', 'Message.');
  for (const intent of read.slice(0, 5)) {
    demand((intent.op === 'state') === (intent.whole !== null), 'a full state has its members, and nothing else has');
    if (intent.whole === null) demandStoredId(intent.member);
    else for (const member of intent.whole.members.slice(0, 1_000)) demandStoredId(member);
    // Tried once more, and given up.
    const later = { ...intent, attempt: intent.attempt + 1, notBefore: AT, waits: 'group' as const };
    const dead = { ...later, dead: { at: AT, reason: 'rejected' as const } };
    mustBeReport(finalReport(dead, { ...FACTS, outcome: 'failed', reason: failure }));
    mustBeReport(retryReport(later, { ...FACTS, reason: failure, nextAttemptAt: intent.notBefore }));
    mustBeReport(heldReport(later, { ...FACTS, reason: failure }));
    deadLetter('dead-letter', dead, { failure, trouble: TROUBLE });
    demand(parsedAgain(group, [dead]).kind === 'state', 'what is given up can be restored');
  }
}

/** What is held are removals, and one digest that an operator can name is in the record of each. */
function demandGuard(group: string, read: readonly Intent[]): void {
  for (const { op, guard } of read) demand(op === 'remove' || guard === null, 'the guard has a say in removals only');
  const digest = heldDigest(group, read, sha256);
  const { value } = renderState({ group, intents: read, stamp: STAMP, trouble: null, now: AT, sha256 });
  const { pending } = JSON.parse(value ?? '') as { pending: readonly { held?: { digest: string } }[] };
  const written = new Set(pending.flatMap(({ held }) => held?.digest ?? []));
  demand(isDeepStrictEqual([...written], digest === null ? [] : [digest]), 'each held one names the digest of all');
  if (digest === null) return;
  const headers = [textHeader('rollcall-type', 'approve')];
  const asked = parseRetryRecord({
    key: Buffer.from(requestKey('u')),
    value: Buffer.from(wholeDecision(digest, 'jane')),
    headers,
  });
  demand(asked.kind === 'request' && asked.wanted?.kind === 'approve', 'it can be approved');
}

/** render ∘ parse changes nothing. */
function demandSame(group: string, read: readonly Intent[]): void {
  const again = parsedAgain(group, read);
  demand(again.kind === 'state' && isDeepStrictEqual(again.intents, read), 'what was read is written as it was');
}

function parsedAgain(group: string, read: readonly Intent[]) {
  const { key, value, headers } = renderState({
    group,
    intents: read,
    stamp: STAMP,
    trouble: TROUBLE,
    now: AT,
    sha256,
  });
  return parseRetryRecord({ key: Buffer.from(key), value: Buffer.from(value ?? ''), headers });
}

/** Of the request's own length, and of the three ids of 256 characters that each entry may repeat. */
const ANSWER_RATIO_MAX = 40;

function answered({ value }: WireRecord, wanted: Request): string {
  const answer = anAnswer(wanted);
  const headers = renderAnswer(STAMP, answer);
  const length = headers.reduce((sum, [, bytes]) => sum + bytes.length, 0);
  demand(length <= 200 + ANSWER_RATIO_MAX * (value?.length ?? 0), 'an answer is in proportion to its request');
  demand(isDeepStrictEqual(parseAnswer(null, headers), answer), 'the answer can be read');
  if ('author' in wanted && !('digest' in wanted)) {
    if (wanted.group !== null) demandStoredId(wanted.group);
    demandStoredId(wanted.author);
    return wanted.kind;
  }
  if (wanted.kind !== 'replay') {
    demand(/^[0-9a-f]{64}$/.test(wanted.digest), 'a decision names a digest');
    demandStoredId(wanted.author);
    return wanted.kind;
  }
  for (const { group, member } of wanted.named) {
    demandStoredId(group);
    if (member !== WHOLE_GROUP) demandStoredId(member);
  }
  return wanted.named.length === 0 ? 'names nothing' : 'replay';
}

function anAnswer(wanted: Request): OperatorAnswer {
  if (wanted.kind === 'replay')
    return { kind: 'replay', verdicts: wanted.named.map((named) => ({ ...named, verdict: 'gone' })) };
  if ('digest' in wanted) return { kind: wanted.kind, digest: wanted.digest, verdict: 'gone', count: 0 };
  return { kind: wanted.kind, group: wanted.group, verdict: 'gone', count: 0 };
}

export const retryRecords = single('retry', 250, { make: aRetryRecord, account: accountFor });
