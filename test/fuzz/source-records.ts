/** Source records: an event, a tombstone, or a dead letter with the bytes as they came. */
import { readFileSync } from 'node:fs';
import { idProblem, intentsOf, type ChangeEvent, type ChangeSource, type SourceRecord } from '../../src/core/change.ts';
import { invalidLetter } from '../../src/core/dead-letter.ts';
import { parseRetryRecord, renderState } from '../../src/core/live-record.ts';
import { ReportRecord, type ReportRecord as Report } from '../../src/core/report.ts';
import { eventReport, finalReport, invalidFailure } from '../../src/core/reporting.ts';
import { native } from '../../src/formats/native.ts';
import type { Headers } from '../../src/ports.ts';
import { brokenRecords } from '../support/broken-records.ts';
import { demand, single } from './kind.ts';
import type { Lots } from './lots.ts';
import { giant, json, mutatedBytes, mutatedJson, oddHeaders, oddText } from './mutate.ts';

export interface HostileRecord extends SourceRecord {
  readonly headers: Headers;
}

/** Events of identity providers as they are, in formats that this is not; and of our own. */
const foreign = JSON.parse(
  readFileSync(new URL('identity-provider-events.json', import.meta.url), 'utf8'),
) as readonly unknown[];

const events: readonly Readonly<Record<string, unknown>>[] = [
  { group_id: 'g', add_members: ['u1', 'u2'], remove_members: ['u3'] },
  { group_id: 'g', add_members: ['u1'], event_id: 'e-1', occurred_at: '2026-01-31T12:00:00Z' },
  { genesys_group_id: 'g', added: ['u1', 'u1'], removed: [] },
  { group_id: 'g' },
  { group_id: 'g', members: ['u1'], complete: true },
];

const broken = brokenRecords('g');

export function aSourceRecord(lots: Lots): HostileRecord {
  const key = aKey(lots);
  const headers = oddHeaders(lots, [['trace', Buffer.from('1')]]);
  if (lots.oneIn(40)) return { key, value: null, headers };
  if (lots.oneIn(10)) return brokenRecord(lots);
  return { key, value: aValue(lots), headers };
}

function brokenRecord(lots: Lots): HostileRecord {
  const { key, value, headers } = lots.of(broken);
  return { key: typeof key === 'string' ? Buffer.from(key) : key, value: mutatedBytes(lots, value), headers };
}

function aValue(lots: Lots): Buffer {
  if (lots.oneIn(2_000)) return giant(lots, lots.of(['', '{"group_id":"g","add_members":[', '{"group_id":"g","x":']));
  switch (lots.below(10)) {
    case 0:
      return lots.bytes(lots.below(200));
    case 1:
      return json(lots.of(foreign));
    case 2:
      return json(mutatedJson(lots, lots.of(foreign)));
    case 3:
    case 4:
      return mutatedBytes(lots, json(lots.of(events)));
    case 5:
      return mutatedBytes(lots, json(mutatedJson(lots, lots.of(events))));
    default:
      return json(mutatedJson(lots, lots.of(events)));
  }
}

function aKey(lots: Lots): Buffer | null {
  if (lots.oneIn(30)) return null;
  if (lots.oneIn(15)) return lots.oneIn(2) ? Buffer.from(oddText(lots)) : lots.bytes(lots.below(40));
  return Buffer.from('g');
}

const SOURCE: ChangeSource = { topic: 'source', partition: 0, offset: 7n, eventId: null, timestamp: 1 };
const MESSAGE_BYTES_MAX = 1_024;

function accountFor({ partitionCount, ...record }: HostileRecord & { readonly partitionCount: number }): string {
  const before = record.value && Buffer.from(record.value);
  const decoded = native(record, { partitionCount });
  if (decoded.kind === 'skip') {
    demand(record.value === null, 'only a tombstone is skipped');
    return 'skipped (tombstone)';
  }
  if (decoded.kind === 'change') return accountForEvent(decoded.event);
  const failure = invalidFailure(decoded.code, decoded.message);
  const letter = invalidLetter('dead-letter', record, { source: SOURCE, group: decoded.group, failure });
  demand(
    before === null ? letter.value === null : before.equals(letter.value as Uint8Array),
    'the letter has the bytes',
  );
  const kept = record.headers.filter(([name]) => !name.startsWith('rollcall-'));
  demand(
    kept.every((header, i) => letter.headers[i] === header),
    'the letter has the headers',
  );
  const added = letter.headers.slice(kept.length).map(([name]) => name);
  demand(added.length === 7 && new Set(added).size === 7, 'the letter has its own headers, once each');
  demand(/\w.*\.$/s.test(failure.message), 'the message is a sentence');
  demand(Buffer.byteLength(failure.message) <= MESSAGE_BYTES_MAX, 'the message is at most 1 KiB');
  if (decoded.group !== null) demandId(decoded.group);
  mustBeReport(
    eventReport({ source: SOURCE, group: decoded.group, outcome: 'invalid', reason: failure, epoch: 1, reportedAt: 1 }),
  );
  return `dead letter: ${decoded.code}`;
}

function accountForEvent(event: ChangeEvent): string {
  const intents = intentsOf(event, { ...SOURCE, eventId: event.eventId }, 1);
  demandId(event.group);
  for (const { member } of intents) demandId(member);
  demand(new Set(intents.map(({ member }) => member)).size === intents.length, 'one intent per member');
  if (intents.length > LOOKED_AT_MAX) return 'event: many members';
  for (const intent of intents.slice(0, 5)) mustBeReport(finalReport(intent, FACTS));
  if (intents.length === 0) return 'event: no members';
  const stamp = { owner: 'o', epoch: 1, seq: 1 };
  const state = renderState({ group: event.group, intents, stamp, trouble: null, now: 1 });
  const read = parseRetryRecord({
    key: Buffer.from(state.key),
    value: Buffer.from(state.value ?? ''),
    headers: state.headers,
  });
  demand(read.kind === 'state' && read.intents.length === intents.length, 'what was read can be parked and restored');
  return 'event';
}

const LOOKED_AT_MAX = 1_000;

export const FACTS = {
  outcome: 'applied',
  reason: null,
  supersededBy: null,
  request: null,
  lag: { queue: 1, apply: 1 },
  epoch: 1,
  reportedAt: 1_790_000_000_000,
} as const;

export function demandId(id: string): void {
  demand(idProblem(id) === null, `a valid id: ${JSON.stringify(id).slice(0, 80)}`);
  encodeURIComponent(id);
}

/** As a consumer reads it. */
export function mustBeReport(report: Report): void {
  const read = ReportRecord.parse(JSON.parse(JSON.stringify(report)));
  demand(Buffer.byteLength(read.reason?.message ?? '') <= MESSAGE_BYTES_MAX, 'a reason is at most 1 KiB');
}

export const sourceRecords = single('source', 400, {
  make: (lots) => ({ ...aSourceRecord(lots), partitionCount: lots.of([1, 1, 12]) }),
  account: accountFor,
});
