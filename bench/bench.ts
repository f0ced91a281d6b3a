/**
 * Measures Rollcall on this machine, beside other ways to do the same: `npm run bench`, or `npm run bench -- backlog memory` for
 * some parts; `--quick` is a smoke test, without goals. The table goes to standard output; `--out FOLDER` says where
 * bench.json and bench.html go, .cache/bench otherwise. Exits 1 where a goal is missed, or Rollcall leaves a group wrong.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { KafkaSetupError } from '../src/lab/kafka-broker/fetch.ts';
import { type Figure, verdictOf } from './figure.ts';
import { machineOf } from './output/machine.ts';
import { pageOf } from './output/page.ts';
import { lineOf } from './output/table.ts';
import type { Bench, Part } from './part.ts';
import { backlog } from './parts/backlog.ts';
import { budget } from './parts/budget.ts';
import { demo } from './parts/demo.ts';
import { formats } from './parts/formats.ts';
import { growth } from './parts/growth.ts';
import { hotGroup } from './parts/hot-group.ts';
import { inFlight } from './parts/in-flight.ts';
import { instances } from './parts/instances.ts';
import { memory } from './parts/memory.ts';
import { outage } from './parts/outage.ts';
import { overload } from './parts/overload.ts';
import { peers } from './parts/peers.ts';
import { rateLimit } from './parts/rate-limit.ts';
import { requests } from './parts/requests.ts';
import { restart } from './parts/restart.ts';
import { start } from './parts/start.ts';
import { stream } from './parts/stream.ts';
import { throughput } from './parts/throughput.ts';
import { waves } from './parts/waves.ts';
import { webhook } from './parts/webhook.ts';
import { PeerSetupError } from './peers/setup.ts';
import { BenchKafka } from './world/kafka.ts';

const PARTS: readonly Part[] = [
  backlog,
  peers,
  budget,
  overload,
  hotGroup,
  outage,
  stream,
  requests,
  throughput,
  start,
  instances,
  restart,
  memory,
  waves,
  rateLimit,
  inFlight,
  formats,
  growth,
  webhook,
  demo,
];

interface Measured {
  readonly part: string;
  readonly figures: readonly Figure[];
}

async function main(): Promise<boolean> {
  const { values, positionals: names } = parseArgs({
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
    command: `npm run bench${names.map((name) => ` ${name}`).join('')}`,
    measured,
  };
  await writeFile(join(values.out, 'bench.json'), `${JSON.stringify(result, null, 2)}\n`);
  await writeFile(join(values.out, 'bench.html'), pageOf(result));
  return measured.every(({ figures }) => figures.every((figure) => verdictOf(figure) !== 'missed'));
}

async function measure(parts: readonly Part[], isQuick: boolean): Promise<readonly Measured[]> {
  let kafka: Promise<BenchKafka> | null = null;
  const bench: Bench = { isQuick, kafka: () => (kafka ??= BenchKafka.start()) };
  const measured: Measured[] = [];
  try {
    for (const part of parts) {
      const figures = (await figuresOf(part, bench)).map((figure) => (isQuick ? { ...figure, goal: null } : figure));
      for (const figure of figures) process.stdout.write(`${lineOf(figure)}\n`);
      measured.push({ part: part.name, figures });
    }
  } finally {
    const started = kafka as Promise<BenchKafka> | null;
    await started?.then((each) => each.stop());
  }
  return measured;
}

async function figuresOf(part: Part, bench: Bench): Promise<readonly Figure[]> {
  try {
    return await part.measure(bench);
  } catch (error) {
    if (!(error instanceof KafkaSetupError || error instanceof PeerSetupError)) throw error;
    process.stderr.write(`!!! SKIPPED: ${part.name}: ${error.message}\n`);
    return [];
  }
}

process.exitCode = (await main()) ? 0 : 1;
