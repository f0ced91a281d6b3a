/**
 * Measures Rollcall on this machine, beside other ways to do the same: `npm run bench`, or `npm run bench -- backlog memory` for
 * some parts; `--quick` is a smoke test, without goals. The table goes to standard output; `--out FOLDER` says where
 * bench.json and bench.html go, .cache/bench otherwise. Exits 1 where a goal is missed, a part cannot be measured, or Rollcall
 * leaves a group wrong.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { KafkaSetupError } from '../src/lab/kafka-broker/fetch.ts';
import { type Figure, type Measured, type Skipped, verdictOf } from './figure.ts';
import { machineOf } from './output/machine.ts';
import { pageOf } from './output/page.ts';
import { lineOf, skipLineOf } from './output/table.ts';
import type { Bench, Part } from './part.ts';
import { backlog } from './parts/backlog.ts';
import { budget } from './parts/budget.ts';
import { demo } from './parts/demo.ts';
import { diff } from './parts/diff.ts';
import { explain } from './parts/explain.ts';
import { formats } from './parts/formats.ts';
import { growth } from './parts/growth.ts';
import { hotGroup } from './parts/hot-group.ts';
import { inFlight } from './parts/in-flight.ts';
import { instances } from './parts/instances.ts';
import { lowMemory } from './parts/low-memory.ts';
import { memory } from './parts/memory.ts';
import { outage } from './parts/outage.ts';
import { overload } from './parts/overload.ts';
import { peers } from './parts/peers.ts';
import { plan } from './parts/plan.ts';
import { rateLimit } from './parts/rate-limit.ts';
import { report } from './parts/report.ts';
import { requests } from './parts/requests.ts';
import { restart } from './parts/restart.ts';
import { start } from './parts/start.ts';
import { status } from './parts/status.ts';
import { stream } from './parts/stream.ts';
import { throughput } from './parts/throughput.ts';
import { waves } from './parts/waves.ts';
import { webhook } from './parts/webhook.ts';
import { SetupError } from './peers/setup.ts';
import { BenchKafka } from './world/kafka.ts';

const PARTS: readonly Part[] = [
  backlog,
  peers,
  budget,
  status,
  overload,
  hotGroup,
  outage,
  stream,
  requests,
  throughput,
  lowMemory,
  start,
  instances,
  restart,
  explain,
  diff,
  plan,
  report,
  memory,
  waves,
  rateLimit,
  inFlight,
  formats,
  growth,
  webhook,
  demo,
];

async function main(args: readonly string[]): Promise<boolean> {
  const { values, positionals: names } = parseArgs({
    args,
    options: { quick: { type: 'boolean', default: false }, out: { type: 'string', default: '.cache/bench' } },
    allowPositionals: true,
  });
  const unknown = names.filter((name) => !PARTS.some((part) => part.name === name));
  if (unknown.length > 0)
    throw new Error(`no part ${unknown.join(', ')}; there are ${PARTS.map(({ name }) => name).join(', ')}`);
  const isAsked = (part: Part): boolean =>
    names.length > 0 ? names.includes(part.name) : part.isQuick || !values.quick;
  const measured = await measure(PARTS.filter(isAsked), values.quick);
  await mkdir(values.out, { recursive: true });
  const result = {
    machine: machineOf(),
    command: ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
    measured,
  };
  await writeFile(join(values.out, 'bench.json'), `${JSON.stringify(result, null, 2)}\n`);
  await writeFile(join(values.out, 'bench.html'), pageOf(result));
  return measured.every(
    ({ figures }) => figures.length > 0 && figures.every((figure) => verdictOf(figure) !== 'missed'),
  );
}

async function measure(parts: readonly Part[], isQuick: boolean): Promise<readonly Measured[]> {
  let kafka: Promise<BenchKafka> | null = null;
  const start = () => (kafka ??= BenchKafka.start());
  const measured: Measured[] = [];
  try {
    for (const part of parts) measured.push(await measurePart(part, { isQuick, kafka: start }));
  } finally {
    const started = kafka as Promise<BenchKafka> | null;
    // Where it could not start, the parts that need it are skipped, and there is nothing to stop.
    await started?.then(
      (each) => each.stop(),
      () => undefined,
    );
  }
  return measured;
}

async function measurePart(part: Part, bench: Omit<Bench, 'skip'>): Promise<Measured> {
  const skipped: Skipped[] = [];
  const skip = (what: string, why: string): void => {
    process.stderr.write(`!!! SKIPPED: ${what}: ${why}\n`);
    skipped.push({ what, why });
  };
  const measured = await figuresOf(part, { ...bench, skip });
  const figures = measured.map((figure) => (bench.isQuick ? { ...figure, goal: null } : figure));
  for (const line of [...figures.map(lineOf), ...skipped.map(skipLineOf)]) process.stdout.write(`${line}\n`);
  return { part: part.name, figures, skipped };
}

/** None where this machine lacks something that the part cannot do without. */
async function figuresOf(part: Part, bench: Bench): Promise<readonly Figure[]> {
  try {
    return await part.measure(bench);
  } catch (error) {
    if (!(error instanceof KafkaSetupError || error instanceof SetupError)) throw error;
    bench.skip(part.name, error.message);
    return [];
  }
}

process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
