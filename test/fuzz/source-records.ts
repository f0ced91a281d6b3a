/** Source records: an event, a tombstone, or a dead letter with the bytes as they came. */
import { aSnapshot } from '../support/a-snapshot.ts';
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { sha256 } from '../../src/adapters/system.ts';
import {
  WHOLE_GROUP,
  idProblem,
  intentId,
  isStoredId,
  pathPart,
  positionText,
  type ChangeSource,
  type Delta,
  type FullState,
  type Intent,
  type Invalid,
  type SourceRecord,
} from '../../src/core/change/change.ts';
import { intentsOf } from '../../src/core/change/pending.ts';
import { invalidLetter } from '../../src/core/log/dead-letter.ts';
import { expand } from '../../src/core/group/full-state.ts';
import { parseRetryRecord, renderState } from '../../src/core/log/live-record.ts';
import { ReportRecord } from '../../src/core/report/report.ts';
import {
  eventReport,
  finalReport,
  invalidFailure,
  reportRecord,
  type Report,
} from '../../src/core/report/reporting.ts';
import { native } from '../../src/formats/native/native.ts';
import type { Headers } from '../../src/ports.ts';
import { brokenRecords } from '../support/broken-records.ts';
import { demand, single } from './kind.ts';
import type { SeededRandom } from '../support/random.ts';
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
  { group_id: 'g', added: [] },
  { group_id: 'g', members: ['u1', 'u2'], complete: true },
  { group_id: 'g', members: [], complete: true, event_id: 'e-2' },
  { group_id: 'g', deleted: true },
  { genesys_group_id: 'g', members: [], complete: true, deleted: true, occurred_at: '2026-01-31T12:00:00Z' },
  { group_id: 'g', members: ['u1'], complete: false, deleted: false },
];

const broken = brokenRecords('g');

export function aSourceRecord(random: SeededRandom): HostileRecord {
  const key = aKey(random);
  const headers = oddHeaders(random, [['trace', Buffer.from('1')]]);
  if (random.oneIn(40)) return { key, value: null, headers };
  if (random.oneIn(10)) return brokenRecord(random);
  return { key, value: aValue(random), headers };
}

function brokenRecord(random: SeededRandom): HostileRecord {
  const { key, value, headers } = random.pick(broken);
  return { key: typeof key === 'string' ? Buffer.from(key) : key, value: mutatedBytes(random, value), headers };
}

function aValue(random: SeededRandom): Buffer {
  if (random.oneIn(2_000))
    return giant(random, random.pick(['', '{"group_id":"g","add_members":[', '{"group_id":"g","x":']));
  switch (random.below(10)) {
    case 0:
      return random.bytes(random.below(200));
    case 1:
      return json(random.pick(foreign));
    case 2:
      return json(mutatedJson(random, random.pick(foreign)));
    case 3:
    case 4:
      return mutatedBytes(random, json(random.pick(events)));
    case 5:
      return mutatedBytes(random, json(mutatedJson(random, random.pick(events))));
    default:
      return json(mutatedJson(random, random.pick(events)));
  }
}

function aKey(random: SeededRandom): Buffer | null {
  if (random.oneIn(30)) return null;
  if (random.oneIn(15)) return random.oneIn(2) ? Buffer.from(oddText(random)) : random.bytes(random.below(40));
  return Buffer.from('g');
}

const SOURCE: ChangeSource = { topic: 'source', partition: 0, offset: 7n, index: null, eventId: null, timestamp: 1 };
const MESSAGE_BYTES_MAX = 1_024;

function accountFor({ partitionCount, ...record }: HostileRecord & { readonly partitionCount: number }): string {
  const before = record.value && Buffer.from(record.value);
  const [decoded, ...others] = native.decode(record, { partitionCount });
  demand(others.length === 0, 'a native record holds one event');
  switch (decoded.kind) {
    case 'skip':
      demand(record.value === null && decoded.reason === 'tombstone', 'only a tombstone is skipped');
      return 'skipped (tombstone)';
    case 'hint':
      throw new Error('a native record says what has changed');
    case 'delta':
      return accountForEvent(decoded);
    case 'state':
      demandWhole(decoded, record.value);
      return accountForEvent(decoded);
    case 'invalid':
      return accountForInvalid(decoded, record, before);
  }
}

function accountForInvalid(decoded: Invalid, record: HostileRecord, before: Uint8Array | null): string {
  const failure = invalidFailure(decoded.code, decoded.message);
  const letter = invalidLetter('dead-letter', record, { source: SOURCE, group: decoded.group, failure });
  demand(
    before === null ? letter.value === null : Buffer.compare(before, letter.value as Uint8Array) === 0,
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
  const names = { group: decoded.group, groupTarget: decoded.group };
  mustBeReport(eventReport({ source: SOURCE, ...names, outcome: 'invalid', reason: failure, reportedAt: 1 }));
  return `dead letter: ${decoded.code}`;
}

/** Members that are not named would be removed, so nothing but an explicit full state is one. */
function demandWhole({ members, deleted }: FullState, value: Uint8Array | null): void {
  const json = JSON.parse(
    Buffer.from(value ?? [])
      .toString()
      .replace(/^\uFEFF/, ''),
  ) as Record<string, unknown>;
  demand(json['complete'] === true || json['deleted'] === true, 'it says that it is one');
  demand(deleted === (json['deleted'] === true), 'it says whether the group is deleted');
  demand(deleted ? members.length === 0 : isDeepStrictEqual(members, json['members']), 'it names its members');
  for (const list of ['add_members', 'added', 'remove_members', 'removed'])
    demand((json[list] ?? null) === null, 'it lists no changes');
}

function accountForEvent(event: Delta | FullState): string {
  const intents = intentsOf(event, { ...SOURCE, eventId: event.eventId }, 1);
  demandId(event.group);
  for (const { member, op } of intents) if (op !== 'state') demandId(member);
  if (event.kind === 'state') demandExpansion(event, intents);
  demand(new Set(intents.map(({ member }) => member)).size === intents.length, 'one intent per member');
  if (intents.length > LOOKED_AT_MAX) return 'event: many members';
  for (const intent of intents.slice(0, 5)) mustBeReport(finalReport(intent, FACTS));
  if (intents.length === 0) return 'event: no members';
  const stamp = { owner: 'o', epoch: 1, seq: 1 };
  const state = renderState({ group: event.group, intents, stamp, trouble: null, now: 1, sha256 });
  const read = parseRetryRecord({
    key: Buffer.from(state.key),
    value: Buffer.from(state.value ?? ''),
    headers: state.headers,
  });
  demand(
    read.kind === 'state' && isDeepStrictEqual(read.intents, intents),
    'what was read can be parked and restored as it was',
  );
  return event.kind === 'delta' ? 'event' : event.deleted ? 'deleted group' : 'full state';
}

/** Of a group that has another member. */
function demandExpansion({ members, deleted }: FullState, [state, ...others]: readonly Intent[]): void {
  demand(state !== undefined && others.length === 0, 'a full state is one intent');
  demand(state.op === 'state' && state.member === WHOLE_GROUP, 'about the group as a whole');
  demand(intentId(state) === positionText(state.source), 'with the id of its record');
  const snapshot = aSnapshot(['somebody-else']);
  const { intents, heldBy } = expand(state, {
    snapshot,
    resolve: (member) => ({ target: member, canJoin: true }),
    newerFor: () => null,
  });
  const named = new Set(members);
  const removals = intents.filter(({ op }) => op === 'remove').map(({ member }) => member);
  demand(removals.length === (named.has('somebody-else') ? 0 : 1), 'a member that is not named is removed');
  demand(
    intents.length - removals.length === named.size - (named.has('somebody-else') ? 1 : 0),
    'all others are added',
  );
  demand((heldBy === null) === (named.size > 0 && !deleted), 'what would empty the group is held');
}

const LOOKED_AT_MAX = 1_000;

export const FACTS = {
  outcome: 'applied',
  reason: null,
  supersededBy: null,
  groupTarget: 'g',
  request: null,
  lag: { queue: 1, apply: 1 },
  reportedAt: 1_790_000_000_000,
} as const;

export function demandId(id: string): void {
  demand(idProblem(id) === null, `a valid id: ${JSON.stringify(id).slice(0, 80)}`);
  demandStoredId(id);
}

/** Of our own records, in which an older version may have written `.` and `..`. */
export function demandStoredId(id: string): void {
  demand(isStoredId(id), `an id of a live record: ${JSON.stringify(id).slice(0, 80)}`);
  demand(!['.', '..'].includes(pathPart(id)), 'a part of a path that leads nowhere else');
}

/** As a consumer reads it. */
export function mustBeReport(report: Report): void {
  const read = ReportRecord.parse(JSON.parse(JSON.stringify(reportRecord(report, 1))));
  demand(Buffer.byteLength(read.reason?.message ?? '') <= MESSAGE_BYTES_MAX, 'a reason is at most 1 KiB');
}

export const sourceRecords = single('source', 400, {
  make: (random) => ({ ...aSourceRecord(random), partitionCount: random.pick([1, 1, 12]) }),
  account: accountFor,
});
