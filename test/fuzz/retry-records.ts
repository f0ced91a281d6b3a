/** Records of the retry topic: read as what they are, or unreadable; what is taken over can be worked with and written again. */
import { isDeepStrictEqual } from 'node:util';
import type { Intent } from '../../src/core/change.ts';
import { deadLetter } from '../../src/core/dead-letter.ts';
import {
  parseRetryRecord,
  renderFence,
  renderReplayAnswer,
  renderState,
  requestKey,
  stateValue,
  type NamedIntent,
  type WireRecord,
} from '../../src/core/live-record.ts';
import type { Stamp } from '../../src/core/ownership.ts';
import { emptyView, epochOf, readFence, readState, seqAfter } from '../../src/core/ownership.ts';
import { groupPath, patchBody } from '../../src/core/plan.ts';
import { finalReport, invalidFailure, retryReport } from '../../src/core/reporting.ts';
import { emptyWaiting, parseReplayAnswer, readWaiting } from '../../src/core/waiting.ts';
import { anIntent } from '../support/an-intent.ts';
import { demand, single } from './kind.ts';
import type { Lots } from './lots.ts';
import { digits, giant, json, mutatedBytes, mutatedJson, ODD_NUMBERS, oddHeaders, oddText } from './mutate.ts';
import { demandId, FACTS, mustBeReport } from './source-records.ts';

const TROUBLE = { code: 'timeout', message: 'too late', firstFailureAt: 5 };
const STAMP = { owner: 'former-1', epoch: 2, seq: 9 };
const AT = 1_790_000_000_000;
const GROUP = 'parked';

/** As the pipeline under test may have written them. */
const parked = { group: GROUP, source: { topic: 'source', partition: 0, offset: 3n, timestamp: AT } };
const intents: readonly Intent[] = [
  anIntent({ ...parked, member: 'u1' }),
  anIntent({ ...parked, member: 'u2', op: 'remove', attempt: 2, notBefore: AT }),
  anIntent({ ...parked, member: 'u3', attempt: 5, dead: { at: AT, reason: 'attempts_exhausted' } }),
];

interface Rendered {
  readonly key: string;
  readonly value?: string | null;
  readonly headers: WireRecord['headers'];
}

function aValidRecord(lots: Lots): Rendered {
  const stamp = lots.oneIn(6) ? anOddStamp(lots) : STAMP;
  switch (lots.below(6)) {
    case 0:
      return { ...renderFence(stamp, 'fence-id'), value: 'fence-id' };
    case 1:
      return renderState({ group: GROUP, intents: [], stamp, trouble: null, now: 1 });
    case 2:
      return {
        key: requestKey('00000000-0000-0000-0000-000000000000'),
        value: stateValue(GROUP, intents),
        headers: [],
      };
    default:
      return renderState({
        group: GROUP,
        intents: intents.slice(0, 1 + lots.below(3)),
        stamp,
        trouble: TROUBLE,
        now: AT,
      });
  }
}

const anOddStamp = (lots: Lots): Stamp => ({
  owner: oddText(lots),
  epoch: lots.of(ODD_NUMBERS),
  seq: lots.of(ODD_NUMBERS),
});

export function aRetryRecord(lots: Lots): WireRecord {
  const valid = aValidRecord(lots);
  const key = lots.oneIn(12) ? anOddKey(lots) : Buffer.from(valid.key);
  const headers = lots.oneIn(3)
    ? oddHeaders(lots, valid.headers)
    : valid.headers.map((header) => oddCount(lots, header));
  const value = typeof valid.value === 'string' ? aValue(lots, valid.value) : null;
  return { key, value, headers };
}

function aValue(lots: Lots, value: string): Buffer | null {
  if (lots.oneIn(3_000)) return giant(lots, `{"v":1,"group":"${GROUP}","pending":[`);
  if (lots.oneIn(3_000))
    return json({ v: 1, group: GROUP, pending: Array.from({ length: 200_000 }, () => lots.of([{}, 0])) });
  switch (lots.below(8)) {
    case 0:
      return Buffer.from(value);
    case 1:
      return mutatedBytes(lots, Buffer.from(value));
    case 2:
      return lots.oneIn(2) ? null : lots.bytes(lots.below(100));
    default:
      return value.startsWith('{')
        ? json(mutatedJson(lots, JSON.parse(value)))
        : mutatedBytes(lots, Buffer.from(value));
  }
}

const anOddKey = (lots: Lots): Buffer | null =>
  lots.oneIn(8) ? null : lots.oneIn(2) ? Buffer.from(oddText(lots)) : mutatedBytes(lots, Buffer.from(requestKey('u')));

function oddCount(lots: Lots, [name, value]: WireRecord['headers'][number]): WireRecord['headers'][number] {
  if (!/epoch|seq/.test(name) || !lots.oneIn(4)) return [name, value];
  return [name, Buffer.from(lots.oneIn(2) ? '9'.repeat(1 + lots.below(20)) : digits(lots))];
}

function accountFor(record: WireRecord): string {
  readWaiting(emptyWaiting(), 0, record);
  parseReplayAnswer(record);
  const read = parseRetryRecord(record);
  switch (read.kind) {
    case 'fence':
      demandNextStamp((view) => readFence(view, read.stamp), read.stamp);
      return 'fence';
    case 'state':
      demandNextStamp((view) => readState(view, read.group, read.stamp), read.stamp);
      demandId(read.group);
      groupPath(read.group);
      demandWorkable(read.group, read.intents);
      return read.intents.length === 0 ? 'tombstone' : 'live record';
    case 'request':
      return read.wanted === null ? 'request: taken up' : `request: ${answered(record, read.wanted)}`;
    case 'unreadable':
      if (read.group !== null) demandId(read.group);
      return `unreadable: ${read.problem}`;
  }
}

/** Whoever comes after it can write a record that counts. */
function demandNextStamp(read: (view: ReturnType<typeof emptyView>) => unknown, { owner }: Stamp): void {
  const view = emptyView();
  read(view);
  const epoch = epochOf(view.epochMax, 3);
  const stamp = { owner, epoch, seq: seqAfter(0, view, epoch) };
  const { key, value, headers } = renderState({ group: 'g', intents: [], stamp, trouble: null, now: 1 });
  const next = parseRetryRecord({ key: Buffer.from(key), value: value === null ? null : Buffer.from(value), headers });
  demand(next.kind === 'state', 'the next owner can read its own records');
  demand(readState(view, 'g', next.stamp) === 'counts', 'and they count');
}

function demandWorkable(group: string, read: readonly Intent[]): void {
  if (read.length === 0) return;
  demandSame(group, read);
  patchBody(read.slice(0, 50), 'https://api.example.com');
  const failure = invalidFailure('code', 'Message.');
  for (const intent of read.slice(0, 5)) {
    demandId(intent.member);
    // Tried once more, and given up.
    const later = { ...intent, attempt: intent.attempt + 1, notBefore: AT, waits: 'group' as const };
    const dead = { ...later, dead: { at: AT, reason: 'rejected' as const } };
    mustBeReport(finalReport(dead, { ...FACTS, outcome: 'failed', reason: failure }));
    mustBeReport(retryReport(later, { ...FACTS, reason: failure, nextAttemptAt: intent.notBefore }));
    deadLetter('dead-letter', dead, { failure, trouble: TROUBLE });
    demand(parsedAgain(group, [dead]).kind === 'state', 'what is given up can be restored');
  }
}

/** render ∘ parse changes nothing. */
function demandSame(group: string, read: readonly Intent[]): void {
  const again = parsedAgain(group, read);
  demand(again.kind === 'state' && isDeepStrictEqual(again.intents, read), 'what was read is written as it was');
}

function parsedAgain(group: string, read: readonly Intent[]) {
  const { key, value, headers } = renderState({ group, intents: read, stamp: STAMP, trouble: TROUBLE, now: AT });
  return parseRetryRecord({ key: Buffer.from(key), value: Buffer.from(value ?? ''), headers });
}

/** Of the request's own length, and of the three ids of 256 characters that each entry may repeat. */
const ANSWER_RATIO_MAX = 40;

function answered({ value }: WireRecord, wanted: readonly NamedIntent[]): string {
  const headers = renderReplayAnswer(
    STAMP,
    wanted.map((named) => ({ ...named, verdict: 'gone' as const })),
  );
  const length = headers.reduce((sum, [, bytes]) => sum + bytes.length, 0);
  demand(length <= 200 + ANSWER_RATIO_MAX * (value?.length ?? 0), 'an answer is in proportion to its request');
  const answer = parseReplayAnswer({ key: null, value: null, headers });
  demand(answer?.length === wanted.length, 'the answer can be read');
  return wanted.length === 0 ? 'names nothing' : 'answered';
}

export const retryRecords = single('retry', 250, { make: aRetryRecord, account: accountFor });
