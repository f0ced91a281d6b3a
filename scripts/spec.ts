/**
 * Checks the protocol in spec/ with TLC: every configuration whole, then every rule of broken.txt left out, which must be
 * noticed. `npm run spec [-- --small | broken | <configuration> …]`; exit 1 where the outcome is another.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Finding } from './tlc.ts';
import { check, fetchTlc, TlcMissingError } from './tlc.ts';

const folder = new URL('../spec/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8');

/** One run of TLC. */
export interface Trial {
  readonly configuration: string;
  /** null: all rules are in force, and no error is expected. */
  readonly without: string | null;
}

export interface Result extends Trial, Finding {
  readonly isAsExpected: boolean;
}

/** The rules of broken.txt, each with the configuration in which leaving it out is noticed. */
export const leftOut: readonly (Trial & { readonly without: string })[] = read('broken.txt')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => {
    const [without = '', configuration = ''] = line.split(/\s+/);
    return { configuration, without };
  });

const whole: readonly Trial[] = readdirSync(folder)
  .filter((file) => file.endsWith('.cfg'))
  .toSorted()
  .map((file) => ({ configuration: basename(file, '.cfg'), without: null }));

/** A minute and a half on two busy processors. */
const smallConfigurations = ['one-owner', 'two-members'];
const smallRules = ['heartbeat', 'one-group', 'dead-keep', 'refused-committed', 'fold'];

export const small: readonly Trial[] = [
  ...whole.filter(({ configuration }) => smallConfigurations.includes(configuration)),
  ...leftOut.filter(
    ({ configuration, without }) => smallConfigurations.includes(configuration) || smallRules.includes(without),
  ),
];

export async function tryOne(jar: string, trial: Trial): Promise<Result> {
  const finding = await check(jar, fileURLToPath(new URL('Rollcall.tla', folder)), configurationOf(trial));
  return { ...trial, ...finding, isAsExpected: finding.kind === (trial.without === null ? 'no_error' : 'violation') };
}

/** A rule of the module is left out by name; the cleaner is a setting of the topic. */
function configurationOf({ configuration, without }: Trial): string {
  const text = read(`${configuration}.cfg`);
  if (without === null) return text;
  return without === 'eager-cleaner'
    ? text.replace(/Cleaner = .*/, 'Cleaner = "eager"')
    : text.replace(/Broken = .*/, `Broken = {"${without}"}`);
}

function selected(parameters: readonly string[]): readonly Trial[] {
  if (parameters.length === 0) return [...whole, ...leftOut];
  if (parameters.includes('--small')) return small;
  if (parameters.includes('broken')) return leftOut;
  return parameters.map((name) => {
    const trial = whole.find(({ configuration }) => configuration === name);
    if (trial === undefined) throw new Error(`there is no spec/${name}.cfg`);
    return trial;
  });
}

const row = (cells: readonly [string, string, string, string, string]): string => {
  const [configuration, without, found, states, seconds] = cells;
  return `${configuration.padEnd(14)} ${without.padEnd(18)} ${found.padEnd(36)} ${states.padStart(11)} ${seconds.padStart(5)}`;
};

async function main(parameters: readonly string[]): Promise<number> {
  const trials = selected(parameters);
  const jar = await fetchTlc(process.env);
  console.log(row(['configuration', 'rule left out', 'TLC finds', 'states', 's']));
  let unexpected = 0;
  for (const trial of trials) {
    const result = await tryOne(jar, trial);
    const { found, distinctStates, seconds, isAsExpected } = result;
    const line = row([
      trial.configuration,
      trial.without ?? '',
      found,
      distinctStates.toLocaleString('en'),
      String(seconds),
    ]);
    console.log(isAsExpected ? line : `${line}  UNEXPECTED`);
    unexpected += Number(!isAsExpected);
  }
  console.log(`${trials.length} runs, ${unexpected} unexpected`);
  return unexpected === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof TlcMissingError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
