/** The package as a stranger gets it: packed, installed into an empty folder, run, imported. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../..');
let folder = '';

const inFolder = (command: string, ...parameters: string[]) =>
  execute(command, parameters, { cwd: folder, maxBuffer: 2 ** 26 });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-package-'));
  await writeFile(join(folder, 'package.json'), '{"name":"stranger","private":true,"type":"module"}');
  await execute('npm', ['pack', '--pack-destination', folder], { cwd: root });
  const tarball = join(folder, `rollcall-${packageJson.version}.tgz`);
  await inFolder('npm', 'install', tarball, '--prefer-offline', '--no-audit', '--no-fund');
}, 300_000);

afterAll(async () => {
  await rm(folder, { recursive: true });
});

test('the command tells its version', async () => {
  const { stdout } = await inFolder('npx', 'rollcall', '--version');
  expect(stdout.trim()).toBe(packageJson.version);
});

test('the demo converges', { timeout: 180_000 }, async () => {
  // Its exit code is its verdict: 0 only if each membership is what the events say.
  await expect(inFolder('npx', 'rollcall', 'demo')).resolves.toBeDefined();
});

test('consumers of the report find its schema, as zod and as JSON Schema', async () => {
  const program = `
    import { ReportRecord } from 'rollcall/report';
    import { summarize } from 'rollcall/summary';
    import schema from 'rollcall/schema/report-record.schema.json' with { type: 'json' };
    const refused = ReportRecord.safeParse({ v: 1 });
    console.log(refused.success, summarize([], 0).total_operations, schema.type);
  `;
  const { stdout } = await inFolder('node', '--no-warnings', '--input-type=module', '--eval', program);
  expect(stdout.trim()).toBe('false 0 object');
});

test('its types can be used', async () => {
  await writeFile(
    join(folder, 'consumer.ts'),
    `import { REPORT_OUTCOMES, ReportRecord, type ReportOutcome } from 'rollcall/report';
     export function outcomeOf(text: string): ReportOutcome | null {
       const { outcome } = ReportRecord.parse(JSON.parse(text));
       // A newer version may write others.
       return REPORT_OUTCOMES.find((known) => known === outcome) ?? null;
     }`,
  );
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--types', ''];
  await inFolder(join(root, 'node_modules/.bin/tsc'), ...options, 'consumer.ts');
});

test('nothing but what is needed is packed', async () => {
  const { stdout } = await execute('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root });
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  const tops = new Set(files.map(({ path }) => path.split('/')[0]));
  expect(tops).toEqual(
    new Set(
      [
        ['ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'LICENSE', 'README.md', 'SECURITY.md'],
        ['dist', 'docs', 'examples', 'package.json', 'schema'],
      ].flat(),
    ),
  );
});
