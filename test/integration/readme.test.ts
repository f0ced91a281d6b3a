/** What README.md and docs/reference.md say to type: blocks marked `run` are run, the others are checked as far as they can be. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { readConfig } from '../../src/config/config.ts';
import { fencedBlocks } from '../support/fenced-blocks.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const pages = await Promise.all(
  ['README.md', 'docs/reference.md'].map(async (path) => ({ path, text: await readFile(join(root, path), 'utf8') })),
);
const blocks = pages.flatMap(({ path, text }) =>
  fencedBlocks(text).map(({ line, ...block }) => ({ ...block, place: `${path}, line ${line}` })),
);
const bash = blocks.filter(({ language }) => language === 'bash');
const toRun = bash.filter(({ marks }) => marks.includes('run'));
const environments = blocks.filter(({ language }) => language === 'env');

test.for(bash.map(({ place, content }) => [place, content] as const))('%s: bash can read it', async ([, content]) => {
  const reading = execute('bash', ['-n', '-c', content]);
  await expect(reading).resolves.toMatchObject({ stderr: '' });
});

test('something is run', () => {
  expect(toRun.length).toBeGreaterThan(0);
});

test.for(toRun.map(({ place, content }) => [place, content] as const))(
  '%s: it does what it says, in an empty folder',
  { timeout: 60_000 },
  async ([, content]) => {
    const folder = await mkdtemp(join(tmpdir(), 'rollcall-readme-'));
    try {
      await writeFile(join(folder, 'rollcall'), installed());
      await chmod(join(folder, 'rollcall'), 0o755);
      const [status, output] = await runBash(content, folder);
      expect(status, output).toBe(0);
      const group = JSON.parse(output.trim().split('\n').at(-1) ?? '') as unknown;
      expect(group).toMatchObject({ id: 'sales', members: ['user-2'] });
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

/** Whatever it leaves running is killed with its process group. */
async function runBash(content: string, folder: string): Promise<readonly [status: unknown, stdout: string]> {
  const env = { HOME: folder, PATH: `${folder}${delimiter}${process.env.PATH}` };
  const parameters = ['-e', '-o', 'pipefail', '-c', content];
  const shell = spawn('bash', parameters, { cwd: folder, env, detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  shell.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  try {
    const [status] = await once(shell, 'close', { signal: AbortSignal.timeout(50_000) });
    return [status, stdout];
  } finally {
    killGroup(shell.pid);
  }
}

function killGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** The command as it would be after an installation. */
const installed = (): string =>
  `#!/bin/sh\nexec "${join(root, 'node_modules/.bin/tsx')}" "${join(root, 'src/cli.ts')}" "$@"\n`;

test.for(environments.map(({ place, content }) => [place, content] as const))(
  '%s: it is a configuration without problems',
  ([, content]) => {
    const environment = Object.fromEntries(content.trim().split('\n').map(assignment));
    const config = readConfig(environment, ['kafka', 'topics', 'genesys', 'pipeline', 'admin'], () => 'from a file');
    expect(config.warnings).toEqual([]);
  },
);

const assignment = (line: string): [string, string] => {
  const at = line.indexOf('=');
  return [line.slice(0, at), line.slice(at + 1)];
};

test('the example of an environment has no problems either', async () => {
  const example = await readFile(join(root, '.env.example'), 'utf8');
  const lines = example.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const environment = Object.fromEntries(lines.map(assignment));
  expect(() => readConfig(environment, ['kafka', 'topics', 'genesys', 'pipeline', 'admin'], () => '')).not.toThrow();
});

test('every script that is named exists', () => {
  const named = pages
    .flatMap(({ text }) => [...text.matchAll(/npm (?:run )?(demo|test|[a-z]+(?:-[a-z]+)*)(?= |`|$)/gm)])
    .map(([, name = '']) => name)
    // npm's own.
    .filter((name) => !['install', 'ci'].includes(name));
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((name) => !(name in packageJson.scripts))).toEqual([]);
});

test('every command that is named exists', { timeout: 30_000 }, async () => {
  const named = bash.flatMap(({ content }) =>
    [...content.matchAll(/^rollcall ([a-z]+)/gm)].map(([, name = '']) => name),
  );
  const { stdout } = await execute(join(root, 'node_modules/.bin/tsx'), [join(root, 'src/cli.ts'), '--help']);
  const [, list = ''] = stdout.split('Commands:');
  expect(named.filter((name) => !new RegExp(`^  ${name}\\b`, 'm').test(list))).toEqual([]);
});
