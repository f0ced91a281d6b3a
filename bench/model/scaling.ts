/**
 * The tables of docs/scaling.md, worked out by the model: `npx tsx bench/model/scaling.ts` writes them there. What an instance does
 * in a second and what a change takes in memory are measured (bench/README.md); the rest follows.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '../../src/lab/sandbox/seed.ts';
import { SETTINGS, modelInstance, type Modelled } from './instance.ts';

/** The vendor's default for one OAuth client (docs/genesys.md 5.1), and an answer as quick as a public API gives one. */
const CLIENT = { allowed: 300, windowS: 60, latencyS: 0.1 };
/** Long enough for ten windows. */
const SECONDS = 600;
const SKEW = 2;
const PATH = fileURLToPath(new URL('../../docs/scaling.md', import.meta.url));

type Table = readonly (readonly string[])[];

const seconds = (value: number): string => (value < 10 ? value.toFixed(1) : String(Math.round(value)));
const grouped = (value: number): string => value.toLocaleString('en');

/** Where changes come faster than they are sent, the wait grows for as long as they come. */
const waitText = ({ p50, p99, doneS }: Modelled): string =>
  doneS > SECONDS * 1.5 ? 'falls behind' : `${seconds(p50)} / ${seconds(p99)} s`;

/** One OAuth client: the wait from an event to its PATCH, p50 / p99. */
export function clientTable(): Table {
  const rates = [1, 5, 20, 100, 250];
  const rows = [100, 1_000, 10_000].map((groups) => [
    grouped(groups),
    ...rates.map((eventsPerSecond) =>
      waitText(modelInstance({ eventsPerSecond, seconds: SECONDS, groups, skew: SKEW }, CLIENT)),
    ),
  ]);
  return [['groups', ...rates.map((rate) => `${rate} events/s`)], ...rows];
}

/** One group, 100 ms a request: the wait, p50 / p99, where nothing but the group itself holds it up. */
export function hotGroupTable(): Table {
  const rates = [1, 10, 100, 400, 600];
  const target = { ...CLIENT, allowed: Number.POSITIVE_INFINITY };
  const rows = rates.map((eventsPerSecond) => {
    const modelled = modelInstance({ eventsPerSecond, seconds: SECONDS, groups: 1, skew: 1 }, target);
    return [String(eventsPerSecond), waitText(modelled), (modelled.requests / SECONDS).toFixed(1)];
  });
  return [['events/s of one group', 'wait', 'requests/s'], ...rows];
}

const MEMBERS_PER_GROUP = 1_000;
const WAIT_MAX_S = 120;
const INSTANCES_MAX = 1_000;

/** For a load: how many clients (an instance each) keep 99 of 100 changes below two minutes. */
export function loadTable(): Table {
  const loads = [
    { eventsPerDay: 1e4, memberships: 1e5 },
    { eventsPerDay: 1e6, memberships: 1e6 },
    { eventsPerDay: 1e7, memberships: 1e7 },
    { eventsPerDay: 1e8, memberships: 1e8 },
    { eventsPerDay: 1e9, memberships: 1e8 },
  ];
  return [
    ['events a day', 'memberships', 'groups', 'instances, a client each', 'partitions', 'wait', 'requests ÷ event'],
    ...loads.map(loadRow),
  ];
}

function loadRow({ eventsPerDay, memberships }: { eventsPerDay: number; memberships: number }): readonly string[] {
  const groups = memberships / MEMBERS_PER_GROUP;
  const named = [grouped(eventsPerDay), grouped(memberships), grouped(groups)];
  for (
    let instances = fewest(eventsPerDay / 86_400);
    instances <= INSTANCES_MAX;
    instances = Math.ceil(instances * 1.25)
  ) {
    const share = busiestShare(groups, instances);
    const load = {
      eventsPerSecond: (eventsPerDay / 86_400) * share,
      seconds: SECONDS,
      groups: Math.ceil(groups / instances),
      skew: SKEW,
    };
    const modelled = modelInstance(load, CLIENT);
    if (modelled.p99 > WAIT_MAX_S || modelled.doneS > SECONDS * 1.5) continue;
    const perEvent = modelled.requests / (load.eventsPerSecond * SECONDS);
    return [...named, String(instances), String(partitionsFor(instances)), waitText(modelled), perEvent.toFixed(2)];
  }
  return [...named, `more than ${grouped(INSTANCES_MAX)}`, '', '', ''];
}

/** With fewer, full PATCHes would not carry the events. */
const fewest = (eventsPerSecond: number): number =>
  Math.ceil(eventsPerSecond / ((CLIENT.allowed / CLIENT.windowS) * SETTINGS.membersPerPatch));

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

const TABLES: Readonly<Record<string, () => Table>> = { client: clientTable, group: hotGroupTable, load: loadTable };

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
