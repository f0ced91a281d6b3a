/**
 * Everything that must hold before a change lands: lint, format, types, dead code, and every level of test. All steps
 * run, also after a failure; the last line counts them with the tests: `N passed, N failed`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Name and error of each. */
  readonly failures: readonly string[];
}

interface Results {
  readonly numPassedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

const isWindows = process.platform === 'win32';
type Job = () => Promise<Count>;
// Much of the time with real brokers is spent on waiting, so parts of it run beside the rest, each with brokers of its own.
const integrationParts = 4;
const waiting: Job[] = [
  tested(['--project=unit', '--project=contract', '--coverage']),
  tested(['--project=simulation']),
  ...['lint', 'format:check', 'types', 'unused'].map(checked),
];
for (let part = 1; part <= integrationParts; part += 1)
  waiting.push(tested(['--project=integration', `--shard=${part}/${integrationParts}`]));
const counts = (await Promise.all([inTurn(), inTurn(), inTurn()])).flat();
const total = counts.reduce((sum, count) => ({
  passed: sum.passed + count.passed,
  failed: sum.failed + count.failed,
  skipped: sum.skipped + count.skipped,
  failures: [...sum.failures, ...count.failures],
}));
// Last, since a build server may keep only the end of a long log.
for (const failure of total.failures) console.log(`FAILED: ${failure}`);
if (total.skipped > 0) console.log(`${total.skipped} skipped`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;

async function inTurn(): Promise<readonly Count[]> {
  const counts: Count[] = [];
  for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) counts.push(await job());
  return counts;
}

function checked(script: string): Job {
  return async () => {
    const passed = (await run('npm', ['run', '--silent', script])) === 0;
    console.log(`${passed ? 'passed' : 'FAILED'}: npm run ${script}`);
    return {
      passed: Number(passed),
      failed: Number(!passed),
      skipped: 0,
      failures: passed ? [] : [`npm run ${script}`],
    };
  };
}

function tested(chosen: readonly string[]): Job {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rollcall-test-'));
    const file = join(folder, 'results.json');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
    try {
      const code = await run('vitest', ['run', ...chosen, '--maxWorkers=1', ...reporters]);
      return atLeastOneFailure(code === 0, counted(file));
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}

/** The shape of jest's JSON results. A file that does not load has no tests, but its suite failed. */
function counted(file: string): Count {
  try {
    const results: Results = JSON.parse(readFileSync(file, 'utf8'));
    const failures = results.testResults.flatMap(failuresOf);
    return {
      passed: results.numPassedTests,
      failed: failures.length,
      skipped: results.numPendingTests + results.numTodoTests,
      failures,
    };
  } catch (error) {
    return { passed: 0, failed: 1, skipped: 0, failures: [`vitest left no results: ${String(error)}`] };
  }
}

function failuresOf({ name, status, message, assertionResults }: Results['testResults'][number]): string[] {
  if (status === 'failed' && assertionResults.length === 0) return [`${name}\n${message}`];
  return assertionResults
    .filter((one) => one.status === 'failed')
    .map((one) => `${name} > ${one.fullName}\n${one.failureMessages.join('\n')}`);
}

/** An error outside of all tests (unhandled rejection, global setup) fails vitest, but no test of it. */
function atLeastOneFailure(passed: boolean, count: Count): Count {
  if (passed || count.failed > 0) return count;
  return { ...count, failed: 1, failures: ['an error outside of all tests; vitest prints it above'] };
}

/** What it prints appears when it has ended, since two that print beside each other cannot be read. @returns its exit code */
async function run(command: string, parameters: readonly string[]): Promise<number | null> {
  const child = spawn(command, parameters, { stdio: ['ignore', 'pipe', 'pipe'], shell: isWindows });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += String(data)));
  const closed: Promise<readonly unknown[]> = once(child, 'close').catch((error: unknown) => [String(error)]);
  const [code] = await closed;
  process.stdout.write(output);
  if (typeof code === 'string') console.log(`${command}: ${code}`);
  return typeof code === 'number' ? code : null;
}
