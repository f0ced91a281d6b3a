/** Worlds in which `plan` and `apply` are compared: a file of changes, an id map, the limits, and a target in memory. */
import fc from 'fast-check';
import { Readable } from 'node:stream';
import type { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { readConfig } from '../../src/config/config.ts';
import { embed } from '../../src/console/embedded.ts';
import { FILE_TOPICS, fileEnvironment, fillSource } from '../../src/console/file-source.ts';
import { decideParts } from '../../src/console/held-decisions.ts';
import { heldSets, wholeOf } from '../../src/console/held-sets.ts';
import { GroupLine, planGroupLine } from '../../src/console/plan-file.ts';
import { PlannedRequests } from '../../src/console/planned-requests.ts';
import { fillFromPlan, plannedFormat, plannedIds } from '../../src/console/planned-source.ts';
import { plansOf, readChanges, ReadTimes } from '../../src/console/planning.ts';
import type { PlannedGroup } from '../../src/console/planning.ts';
import { PlanTotals } from '../../src/console/plan-totals.ts';
import { idKey, type SourceFormat } from '../../src/core/change/change.ts';
import type { SureResolution } from '../../src/core/ids/resolution.ts';
import { foldReport, type Operations } from '../../src/core/report/summary.ts';
import type { ReportRecord } from '../../src/core/report/report.ts';
import type { HttpAnswer } from '../../src/core/target/refusals.ts';
import { filteredMember, groupPath } from '../../src/core/target/snapshot.ts';
import { native } from '../../src/formats/native/native.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import type { GetGroupRequest, GroupApi, IdMap, PatchGroupRequest } from '../../src/ports.ts';
import { aContext } from './command-context.ts';
import { CountingGate } from './counting-gate.ts';
import { aLog } from './genesys.ts';
import { ManualClock } from './manual-clock.ts';
import { answer } from './quick-world.ts';

const UPPER = 'C0FFEE00-AAAA-4BBB-8CCC-0123456789AB';
/** Two spellings of one id among them. */
const MEMBERS = ['a', 'b', 'c', 'd', 'e', 'f', 'g/1', 'h"2', UPPER, UPPER.toLowerCase()];
/** What an id map calls them: none is called as the source calls another one. */
const TARGETS = ['u-1', 'u-2', 'u-3', 'u-4', 'u-5'];
const GROUPS = ['g', 'h', 'i'];

type Stored = readonly (readonly [id: string, kind: 'User' | 'Group'])[];

/** `unlisted`: its members are in no answer. `hundred`: others are in it so that it has just as many as lists are cut at. */
interface StoredGroup {
  readonly members: Stored;
  readonly kind: 'listed' | 'unlisted' | 'hundred';
}

export interface PlanWorld {
  readonly lines: readonly object[];
  /** What the target has; a group that is absent is answered with 404. */
  readonly groups: Readonly<Record<string, StoredGroup>>;
  /** null: ids are the target's own. */
  readonly ids: Readonly<Record<string, SureResolution>> | null;
  readonly environment: Readonly<Record<string, string>>;
}

const some = <T>(values: readonly T[], maxLength: number) => fc.uniqueArray(fc.constantFrom(...values), { maxLength });

const anEvent = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      group_id: fc.constantFrom(...GROUPS),
      add_members: some(MEMBERS, 4),
      remove_members: some(MEMBERS, 4),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      group_id: fc.constantFrom(...GROUPS),
      members: some(MEMBERS, 6),
      complete: fc.constant(true),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      group_id: fc.constantFrom(...GROUPS),
      members: fc.constant([]),
      complete: fc.constant(true),
      deleted: fc.constant(true),
    }),
  },
);

const aGroupOf = (members: readonly string[]) =>
  fc.record({
    members: fc.uniqueArray(
      fc.tuple(
        fc.constantFrom(...members, 'x', 'y'),
        fc.constantFrom('User' as const, 'User' as const, 'User' as const, 'Group' as const),
      ),
      { selector: ([id]) => idKey(id), maxLength: 12 },
    ),
    kind: fc.constantFrom(
      'listed' as const,
      'listed' as const,
      'listed' as const,
      'unlisted' as const,
      'hundred' as const,
    ),
  });

/** Few ids, so that two names often stand for one active member. */
const aResolutionOf = (member: string): fc.Arbitrary<SureResolution> =>
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.constantFrom(...TARGETS).map((id) => ({ kind: 'found' as const, id, isActive: true })),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom<SureResolution>(
        { kind: 'found', id: `inactive-${member}`, isActive: false },
        { kind: 'missing' },
        { kind: 'unmapped' },
      ),
    },
  );

const someIds = fc.record({
  ...Object.fromEntries(MEMBERS.map((member) => [idKey(member), aResolutionOf(idKey(member))])),
  ...Object.fromEntries(
    GROUPS.map((group) => [
      `group ${group}`,
      fc.constantFrom<SureResolution>(
        { kind: 'found', id: group, isActive: true },
        { kind: 'found', id: group.toUpperCase(), isActive: true },
        { kind: 'unmapped' },
      ),
    ]),
  ),
});

const someLimits = fc.record({
  GUARD_GROUP_PERCENT: fc.constantFrom('100', '100', '50', '30', '0'),
  GUARD_GROUP_FLOOR: fc.constantFrom('0', '3', '10'),
  GUARD_GROUP_COUNT: fc.constantFrom('500', '500', '2', '1', '0'),
  MAX_MEMBERS_PER_PATCH: fc.constantFrom('50', '1', '2', '3'),
  SLOW_RETRY_SCHEDULE_MS: fc.constantFrom('', '', '3600000'),
  // What fails for a while is tried again before all is quiet.
  RETRY_BASE_MS: fc.constant('1'),
  RETRY_CAP_MS: fc.constant('1'),
  LATE_APPLY_MS: fc.constant('0'),
});

const aWorldWith = (ids: fc.Arbitrary<PlanWorld['ids']>, members: readonly string[]): fc.Arbitrary<PlanWorld> => {
  const aGroup = aGroupOf(members);
  return fc.record({
    lines: fc.array(anEvent, { minLength: 1, maxLength: 8 }),
    groups: fc
      .tuple(aGroup, aGroup, aGroup, fc.constantFrom('', '', 'h'))
      .map(([g, h, i, missing]) =>
        Object.fromEntries(Object.entries({ g, h, i, G: h, H: i, I: g }).filter(([id]) => id !== missing)),
      ),
    ids,
    environment: someLimits,
  });
};

export const aPlanWorld: fc.Arbitrary<PlanWorld> = fc.oneof(
  aWorldWith(fc.constant(null), MEMBERS.slice(0, 9)),
  aWorldWith(someIds as fc.Arbitrary<PlanWorld['ids']>, [...TARGETS, 'inactive-a', 'inactive-b']),
);

export interface SentRequest {
  readonly method: 'PATCH';
  readonly path: string;
  readonly if_match: string;
  readonly body: string;
}

/** By `idKey`: as they are spelled, and what they are. */
type Members = Map<string, { readonly value: string; readonly type: string }>;

/**
 * What becomes of a PATCH. `lost`: it lands, and is not answered. `old`: it lands, and the answer shows the group before it. `beside`: it
 * lands together with the change of another writer, and the answer shows both.
 */
export type PatchFault = 'none' | '503' | 'lost' | '412' | 'old' | 'beside' | 'refused';

const LOST: HttpAnswer = {
  kind: 'no_response',
  sent: true,
  code: 'ECONNRESET',
  message: 'the answer was lost',
  sentAt: 0,
  durationMs: 1,
};

/** Answers as Genesys Cloud does. */
export class PlanTarget implements GroupApi {
  readonly gate = new CountingGate();
  readonly sent: SentRequest[] = [];
  /** Those of `sent` that have landed. */
  readonly landed: SentRequest[] = [];
  readonly #groups = new Map<string, { version: number; members: Members; isListed: boolean }>();

  /** Of the next PATCHes, in this order. */
  readonly #faults: PatchFault[];

  constructor(world: PlanWorld, faults: readonly PatchFault[] = []) {
    this.#faults = [...faults];
    for (const [id, { members, kind }] of Object.entries(world.groups)) {
      const all: Members = new Map(members.map(([value, type]) => [idKey(value), { value, type }]));
      for (let i = 0; kind === 'hundred' && all.size < 100; i += 1)
        all.set(`other-${i}`, { value: `other-${i}`, type: 'User' });
      this.#groups.set(id, { version: 7, members: all, isListed: kind !== 'unlisted' });
    }
  }

  async getGroup({ group, ifNoneMatch }: GetGroupRequest): Promise<HttpAnswer> {
    await this.#arrive();
    const stored = this.#groups.get(group);
    if (stored === undefined) return answer(404);
    return ifNoneMatch === `"${stored.version}"` ? answer(304) : this.#shown(group);
  }

  async patchGroup({ group, ifMatch, body }: PatchGroupRequest): Promise<HttpAnswer> {
    await this.#arrive();
    const request = { method: 'PATCH', path: groupPath(group), if_match: ifMatch, body: JSON.stringify(body) } as const;
    this.sent.push(request);
    const stored = this.#groups.get(group);
    if (stored === undefined) return answer(404);
    const fault = this.#faults.shift() ?? 'none';
    if (fault === '503') return answer(503);
    if (fault === 'refused') return answer(400, { body: { message: 'No such user.' } });
    if (fault === '412' || ifMatch !== `"${stored.version}"`) return answer(412);
    const before = this.#shown(group);
    for (const { op, path, value } of body.Operations) {
      for (const { value: member } of value ?? []) stored.members.set(idKey(member), { value: member, type: 'User' });
      if (op === 'remove') stored.members.delete(idKey(filteredMember(path)));
    }
    stored.version += 1;
    this.landed.push(request);
    if (fault === 'beside') this.change(group);
    if (fault === 'lost') return LOST;
    return fault === 'old' ? before : this.#shown(group);
  }

  /** From now on each PATCH is taken. */
  endFaults(): void {
    this.#faults.length = 0;
  }

  /** Another writer adds a member. */
  change(group: string): void {
    const stored = this.#groups.get(group);
    if (stored === undefined) return;
    stored.version += 1;
    const value = `other-writer-${stored.version}`;
    stored.members.set(value, { value, type: 'User' });
  }

  members(group: string): readonly string[] {
    return [...(this.#groups.get(group)?.members.keys() ?? [])].toSorted();
  }

  async search() {
    return answer(404);
  }

  async ensureToken(): Promise<null> {
    return null;
  }

  async close(): Promise<void> {}

  #shown(id: string) {
    const stored = this.#groups.get(id);
    if (stored === undefined) return answer(404);
    const { version, members, isListed } = stored;
    const body = { id, meta: { version: `"${version}"` }, ...(isListed && { members: [...members.values()] }) };
    return answer(200, { etag: `"${version}"`, body });
  }

  async #arrive(): Promise<void> {
    this.gate.used();
    await new Promise((resolve) => void setImmediate(resolve));
  }
}

export function idMapOf({ ids }: PlanWorld): IdMap | null {
  if (ids === null) return null;
  const known: IdMap['known'] = (kind, id) =>
    ids[kind === 'group' ? `group ${idKey(id)}` : idKey(id)] ?? { kind: 'unmapped' };
  return {
    known,
    lookUp: async (kind, id) => known(kind, id) ?? { kind: 'unmapped' },
    onChange: () => undefined,
    close: async () => undefined,
  };
}

export const configOf = ({ environment }: PlanWorld) =>
  readConfig(
    fileEnvironment({ GENESYS_CLIENT_ID: 'id', GENESYS_CLIENT_SECRET: 'secret', ...environment }),
    ['genesys', 'pipeline', 'ids', 'format'],
    () => '',
  );

export const textOf = ({ lines }: PlanWorld): string => lines.map((line) => JSON.stringify(line)).join('\n');

export interface PlanMade {
  readonly groups: readonly PlannedGroup[];
  readonly totals: PlanTotals;
}

export async function planIn(world: PlanWorld, api: GroupApi): Promise<PlanMade> {
  const context = aContext({ stdin: textOf(world), clock: new ManualClock() });
  const totals = new PlanTotals();
  const changes = await readChanges('-', native, { totals, context });
  const groups: PlannedGroup[] = [];
  const planning = {
    changes,
    config: configOf(world),
    api,
    ids: idMapOf(world),
    reads: new ReadTimes(),
    held: 'requests' as const,
  };
  for await (const group of plansOf(planning, context)) {
    totals.take(group.plan);
    groups.push(group);
  }
  return { groups, totals };
}

export interface ApplyMade {
  /** The report that counts of each change. */
  readonly reports: readonly ReportRecord[];
}

const QUIET_ROUNDS = 10;

/** @param pipeline null: it is at rest, and has something new to do. Until all is at rest; what waits for an hour keeps it from that, so that it is enough if nothing more is reported. */
async function untilQuiet(clock: ManualClock, pipeline: Pipeline | null, broker: MemoryBroker): Promise<void> {
  let isAtRest = false;
  void pipeline?.whenAtRest().then(() => {
    isAtRest = true;
  });
  const written = (): bigint =>
    broker.topic(FILE_TOPICS.report).partition(0).end + broker.topic(FILE_TOPICS.retry).partition(0).end;
  for (let [quiet, end] = [0, -1n]; !isAtRest && quiet < QUIET_ROUNDS; quiet += 1) {
    await clock.advance(100);
    if (written() === end) continue;
    [quiet, end] = [0, written()];
  }
}

/** What `apply` does of the file, to its rest; `isApproved`: and then, with `--approve` for all that is held. */
export async function applyIn(world: PlanWorld, api: GroupApi, isApproved = false): Promise<ApplyMade> {
  const stdin = Readable.from([Buffer.from(textOf(world))]);
  const source: AppliedSource = {
    config: configOf(world),
    ids: idMapOf(world),
    format: native,
    fill: (broker) => fillSource(broker, '-', { stdin }),
  };
  return run(source, api, isApproved);
}

/** What `apply --plan` does. */
export function applyPlanIn(
  world: PlanWorld,
  { groups }: PlanMade,
  api: GroupApi,
  isApproved: boolean,
): Promise<ApplyMade> {
  // As it is in the file.
  const lines = groups.map((group) => GroupLine.parse(JSON.parse(JSON.stringify(planGroupLine(group)))));
  const source: AppliedSource = {
    config: configOf(world),
    ids: plannedIds(lines),
    format: plannedFormat,
    fill: async (broker) => fillFromPlan(broker, lines),
  };
  const approve = isApproved ? lines.flatMap(({ held }) => held?.digest ?? []) : [];
  return run(source, new PlannedRequests(api, lines, approve), isApproved);
}

interface AppliedSource {
  readonly config: ReturnType<typeof configOf>;
  readonly ids: IdMap | null;
  readonly format: SourceFormat;
  fill(broker: MemoryBroker): Promise<void>;
}

async function run({ fill, ...source }: AppliedSource, api: GroupApi, isApproved: boolean): Promise<ApplyMade> {
  const clock = new ManualClock();
  const context = aContext({ clock });
  const { broker, tools, pipeline } = embed({ context, api, logger: aLog(), ...source }, FILE_TOPICS, 1);
  await fill(broker);
  await pipeline.start();
  await untilQuiet(clock, pipeline, broker);
  if (isApproved) {
    const retry = { topic: FILE_TOPICS.retry, tools, context };
    const decision = { kind: 'approve', author: 'jane', reason: null } as const;
    const deciding = heldSets(retry).then((sets) =>
      decideParts(retry, sets.map(wholeOf), decision, async () => undefined),
    );
    await untilQuiet(clock, null, broker);
    await deciding;
  }
  const operations: Operations = new Map();
  const reports = broker.topic(FILE_TOPICS.report).partition(0);
  for (const { value } of reports.read(0n, Number.MAX_SAFE_INTEGER).records)
    foldReport(operations, JSON.parse(Buffer.from(value ?? []).toString()) as ReportRecord);
  const drained = pipeline.drain();
  await clock.advance(60_000);
  await drained;
  await tools.close();
  return { reports: [...operations.values()] };
}
