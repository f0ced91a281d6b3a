/**
 * The tables of docs/scaling.md: `npx tsx bench/model/scaling.ts` works them out and writes them there. Waits and numbers of
 * instances come from the model of one instance (instance.ts), the size of Kafka's record from its encoding (assignment-record.ts).
 * How far the model is off is measured by `npm run bench -- overload budget hot-group`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '../../src/lab/sandbox/seed.ts';
import { RECORD_MAX_BYTES, instancesMax, recordBytes } from './assignment-record.ts';
import { SETTINGS, modelInstance, type InstanceLoad, type InstanceTarget, type Modelled } from './instance.ts';

/** The vendor's default for one OAuth client (docs/genesys.md 5.1), and an answer as quick as a public API gives one. */
const CLIENT = { allowed: 300, windowS: 60, latencyS: 0.1 };
const SKEW = 2;
const PATH = fileURLToPath(new URL('../../docs/scaling.md', import.meta.url));

type Table = readonly (readonly string[])[];

/** Of seconds, and of requests a second. */
const rounded = (value: number): string => (value < 10 ? value.toFixed(1) : String(Math.round(value)));
const grouped = (value: number): string => value.toLocaleString('en');

/** At least sixty windows, and three times what the target needs for one request of each group. */
const WINDOWS = 60;
const durationS = (groups: number, { allowed, windowS }: InstanceTarget): number =>
  windowS * Math.max(WINDOWS, (3 * groups) / allowed);

/** Chance alone makes p99 differ by less between two runs that keep up. */
const GROWTH_MAX = { factor: 1.1, s: 10 };

/** null: it falls behind: where events come for twice as long, they wait longer. */
function keptUp(load: Omit<InstanceLoad, 'seconds'>, target: InstanceTarget): Modelled | null {
  const duration = durationS(load.groups, target);
  const once = modelInstance({ ...load, seconds: duration }, target);
  const twice = modelInstance({ ...load, seconds: 2 * duration }, target);
  const grows = twice.p99 > once.p99 * GROWTH_MAX.factor && twice.p99 > once.p99 + GROWTH_MAX.s;
  return grows ? null : twice;
}

function waitText(modelled: Modelled | null): string {
  if (modelled === null) return 'falls behind';
  const { p50, p99 } = modelled;
  return p99 < 600 ? `${rounded(p50)} / ${rounded(p99)} s` : `${Math.round(p50 / 60)} / ${Math.round(p99 / 60)} min`;
}

/** One OAuth client: the wait from an event to its PATCH, p50 / p99. */
function clientTable(): Table {
  const rates = [1, 5, 20, 100, 250];
  const rows = [100, 1_000, 10_000].map((groups) => [
    grouped(groups),
    ...rates.map((eventsPerSecond) => waitText(keptUp({ eventsPerSecond, groups, skew: SKEW }, CLIENT))),
  ]);
  return [['groups', ...rates.map((rate) => `${rate} events/s`)], ...rows];
}

/** One group, 100 ms a request: the wait, p50 / p99, where nothing but the group itself holds it up. */
function hotGroupTable(): Table {
  const rates = [1, 10, 100, 300, 400, 450, 600];
  const target = { ...CLIENT, allowed: Number.POSITIVE_INFINITY, windowS: 10 };
  const rows = rates.map((eventsPerSecond) => {
    const modelled = keptUp({ eventsPerSecond, groups: 1, skew: 1 }, target);
    const perSecond = modelled === null ? '' : (modelled.requestsPerEvent * eventsPerSecond).toFixed(1);
    return [String(eventsPerSecond), waitText(modelled), perSecond];
  });
  return [['events/s of one group', 'wait', 'requests/s'], ...rows];
}

const MEMBERS_PER_GROUP = SETTINGS.membersPerGroup;
const WAIT_MAX_S = 120;
const INSTANCES_MAX = 1_000;

interface Load {
  readonly eventsPerDay: number;
  readonly memberships: number;
}

/** For a load: how many clients (an instance each) keep 99 of 100 changes below two minutes. */
function loadTable(): Table {
  const loads = [
    { eventsPerDay: 1e4, memberships: 1e5 },
    { eventsPerDay: 1e6, memberships: 1e6 },
    { eventsPerDay: 1e7, memberships: 1e7 },
    { eventsPerDay: 1e8, memberships: 1e8 },
    { eventsPerDay: 1e9, memberships: 1e8 },
  ];
  const one = ['events a day', 'memberships', 'groups', 'wait with one instance'];
  const many = ['instances, a client each', 'partitions', 'wait', 'requests ÷ event', 'requests/s of all'];
  return [[...one, ...many], ...loads.map(loadRow)];
}

function loadRow(load: Load): readonly string[] {
  const groups = load.memberships / MEMBERS_PER_GROUP;
  const one = waitText(withInstances(load, 1));
  const named = [grouped(load.eventsPerDay), grouped(load.memberships), grouped(groups), one];
  const instances = fewest((count) => isQuick(withInstances(load, count)));
  const modelled = instances === null ? null : withInstances(load, instances);
  if (instances === null || modelled === null) return [...named, `more than ${grouped(INSTANCES_MAX)}`, '', '', '', ''];
  const { requestsPerEvent } = modelled;
  const perSecond = rounded((load.eventsPerDay / 86_400) * requestsPerEvent);
  const partitions = grouped(partitionsFor(instances));
  return [...named, grouped(instances), partitions, waitText(modelled), requestsPerEvent.toFixed(2), perSecond];
}

const isQuick = (modelled: Modelled | null): boolean => modelled !== null && modelled.p99 <= WAIT_MAX_S;

/** By bisection; null: not even INSTANCES_MAX are enough. */
function fewest(isEnough: (instances: number) => boolean): number | null {
  let [tooFew, enough] = [0, INSTANCES_MAX];
  if (!isEnough(enough)) return null;
  while (enough - tooFew > 1) {
    const middle = Math.floor((tooFew + enough) / 2);
    if (isEnough(middle)) enough = middle;
    else tooFew = middle;
  }
  return enough;
}

/** The busiest of so many instances; null: it falls behind. */
function withInstances({ eventsPerDay, memberships }: Load, instances: number): Modelled | null {
  const groups = memberships / MEMBERS_PER_GROUP;
  const eventsPerSecond = (eventsPerDay / 86_400) * busiestShare(groups, instances);
  // More than full PATCHes carry.
  if (eventsPerSecond > (CLIENT.allowed / CLIENT.windowS) * SETTINGS.membersPerPatch) return null;
  return keptUp({ eventsPerSecond, groups: Math.ceil(groups / instances), skew: SKEW }, CLIENT);
}

/** So many that the busiest instance has little more than its share. */
const PARTITIONS_PER_INSTANCE = 12;
export const partitionsFor = (instances: number): number => (instances === 1 ? 6 : PARTITIONS_PER_INSTANCE * instances);

/** Which part of all events the busiest instance has, where keys are hashed to partitions and partitions dealt out in turn. */
function busiestShare(groups: number, instances: number): number {
  const partitions = partitionsFor(instances);
  const random = seededRandom(1);
  const shares = Array.from({ length: instances }, () => 0);
  for (let group = 0; group < groups; group += 1) {
    const weight = ((group + 1) / groups) ** (1 / SKEW) - (group / groups) ** (1 / SKEW);
    const instance = Math.floor(random() * partitions) % instances;
    shares[instance] = (shares[instance] ?? 0) + weight;
  }
  return Math.max(...shares);
}

const TABLES: Readonly<Record<string, () => Table>> = {
  client: clientTable,
  group: hotGroupTable,
  load: loadTable,
  record: recordTable,
};

/** The record in which Kafka keeps the consumer group, up to the one that is as large as Kafka takes it. */
function recordTable(): Table {
  const counts = [100, 450, INSTANCES_MAX, instancesMax(PARTITIONS_PER_INSTANCE)];
  const rows = counts.map((instances) => {
    const bytes = recordBytes(instances, PARTITIONS_PER_INSTANCE);
    const share = `${Math.round((100 * bytes) / RECORD_MAX_BYTES)} %`;
    return [grouped(instances), grouped(partitionsFor(instances)), `${grouped(Math.round(bytes / 1000))} kB`, share];
  });
  return [['instances', 'partitions of a topic', 'record', 'of what Kafka takes'], ...rows];
}

/** The page, with the tables of today between its marks. */
export function withTables(page: string): string {
  return Object.entries(TABLES).reduce((text, [name, table]) => {
    const marks = new RegExp(`(<!-- model: ${name} -->\n)[^]*?(<!-- end -->)`);
    return text.replace(marks, (_, begin: string, end: string) => `${begin}${markdown(table())}${end}`);
  }, page);
}

function markdown([head = [], ...rows]: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  return [head, head.map(() => '---'), ...rows].map(line).join('');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(PATH, withTables(readFileSync(PATH, 'utf8')));
