/** `npm run mutants`: breaks the service in many ways, one at a time, and expects the simulation to notice each. */
import { parseArgs } from 'node:util';
import pLimit from 'p-limit';
import { mutants } from './catalogue.ts';
import { OriginalCode } from './broken-copy.ts';
import type { Caught } from './search.ts';
import { historiesUntil, search } from './search.ts';
import type { Mutant } from './mutant.ts';

const AT_ONCE = 2;

const help = `npm run mutants -- [NAME…] [--seeds N]
  NAME     a mutant of the catalogue; default: all of them
  --seeds  histories that are tried of each (default 2000)
`;

const { values, positionals: names } = readArguments();
if (values.help) {
  process.stdout.write(help);
  process.exit();
}
const unknown = names.filter((name) => !mutants.some((mutant) => mutant.name === name));
if (unknown.length > 0) refuse(`no such mutant: ${unknown.join(', ')}`);
if (!(Number(values.seeds) >= 1)) refuse('--seeds wants a number');
const chosen = mutants.filter(({ name }) => names.length === 0 || names.includes(name));
const code = await OriginalCode.read();
const limit = pLimit(AT_ONCE);
const rows = await Promise.all(chosen.map((mutant) => limit(() => rowOf(mutant, Number(values.seeds)))));
process.stdout.write(
  `\n| mutant | what is broken | caught by | seed | after histories |\n| --- | --- | --- | --- | --- |\n`,
);
for (const { line } of rows) process.stdout.write(`${line}\n`);
const missed = rows.filter(({ isMissed }) => isMissed).map(({ name }) => name);
process.stdout.write(`\n${rows.length - missed.length} of ${rows.length} mutants noticed or accounted for`);
process.stdout.write(missed.length === 0 ? '\n' : `; not noticed: ${missed.join(', ')}\n`);
process.exitCode = missed.length === 0 ? 0 : 1;

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { seeds: { type: 'string', default: '2000' }, help: { type: 'boolean', short: 'h', default: false } },
    });
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function refuse(problem: string): never {
  process.stderr.write(`${problem}\n\n${help}`);
  process.exit(64);
}

interface Row {
  readonly name: string;
  readonly line: string;
  readonly isMissed: boolean;
}

async function rowOf(mutant: Mutant, seeds: number): Promise<Row> {
  const { name, breaks, superfluous } = mutant;
  const caught = await search(code, mutant, seeds);
  process.stderr.write(`${name}: ${caught === null ? 'not noticed' : said(caught)}\n`);
  const found =
    caught === null
      ? `${superfluous === undefined ? '**nothing**' : `nothing: ${superfluous}`} | | ${seeds}`
      : `${caught.by} | ${caught.seed} ${caught.scenario} | ${historiesUntil(caught)}`;
  return {
    name,
    line: `| ${name} | ${breaks} | ${found} |`,
    isMissed: caught === null && superfluous === undefined,
  };
}

function said(caught: Caught): string {
  return `seed ${caught.seed} ${caught.by}: ${caught.message.split('\n')[0]}`;
}
