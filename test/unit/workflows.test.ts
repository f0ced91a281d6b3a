/** .github/workflows cannot run here: what they name exists, actions are pinned, and permissions and time are limited. */
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import packageJson from '../../package.json' with { type: 'json' };

const root = new URL('../../', import.meta.url);
const folder = new URL('.github/workflows/', root);
const textOf = (path: string): string => readFileSync(new URL(path, root), 'utf8');

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly uses?: string;
  readonly 'timeout-minutes'?: number;
  readonly strategy?: {
    readonly matrix: { readonly node?: readonly number[]; readonly include?: readonly { readonly command: string }[] };
  };
  readonly steps?: readonly Step[];
}

interface Workflow {
  readonly permissions?: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

const files = readdirSync(folder);
const workflows = files.map((file) => [file, parse(textOf(`.github/workflows/${file}`)) as Workflow] as const);
const jobsOf = ({ jobs }: Workflow): readonly Job[] => Object.values(jobs);
const stepsOf = (workflow: Workflow): readonly Step[] => jobsOf(workflow).flatMap(({ steps = [] }) => steps);

const commandsOf = (workflow: Workflow): readonly string[] => [
  ...stepsOf(workflow).flatMap(({ run }) => run ?? []),
  ...jobsOf(workflow).flatMap(({ strategy }) => strategy?.matrix.include?.map(({ command }) => command) ?? []),
];

test('there are three', () => {
  expect(files.toSorted()).toEqual(['nightly.yml', 'release.yml', 'test.yml']);
});

test.each(workflows)('%s: every script that it runs exists', (_, workflow) => {
  const commands = commandsOf(workflow).join('\n');
  const scripts = [...commands.matchAll(/\bnpm run ([\w:-]+)/g)].map(([, name = '']) => name);
  expect(scripts.filter((name) => !(name in packageJson.scripts))).toEqual([]);
  for (const [path] of commands.matchAll(/^\.[\w/.-]+$/gm)) accessSync(new URL(path, root), constants.X_OK);
});

test.each(workflows)('%s: every file that it names exists', (file, workflow) => {
  const text = textOf(`.github/workflows/${file}`);
  const hashed = [...text.matchAll(/hashFiles\(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(','));
  const called = jobsOf(workflow).flatMap(({ uses }) => uses ?? []);
  const versions = stepsOf(workflow).flatMap((step) => step.with?.['node-version-file'] ?? []);
  const paths = [...hashed.map((quoted) => quoted.trim().slice(1, -1)), ...called, ...versions.map(String)];
  for (const path of paths) accessSync(new URL(path, root));
});

test.each(workflows)('%s: actions are pinned by commit, the version beside it; the same commit everywhere', (file) => {
  const lines = textOf(`.github/workflows/${file}`)
    .split('\n')
    .filter((line) => /\buses: (?!\.\/)/.test(line));
  for (const line of lines) expect(line).toMatch(/uses: [\w.-]+\/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  const all = files.flatMap(
    (each) => textOf(`.github/workflows/${each}`).match(/[\w.-]+\/[\w.-]+@[0-9a-f]{40}/g) ?? [],
  );
  const pinned = [...new Set(all)].map((each) => each.split('@')[0]);
  expect(new Set(pinned).size).toBe(pinned.length);
});

test.each(workflows)('%s: it may only read unless a job asks for more, and each job ends', (_, workflow) => {
  expect(workflow.permissions).toEqual({ contents: 'read' });
  for (const { uses, 'timeout-minutes': minutes = Infinity } of jobsOf(workflow))
    if (uses === undefined) expect(minutes).toBeLessThan(360);
});

test('the oldest version of Node that is tested is that of `engines`, .nvmrc and the container image', () => {
  const tested = workflows
    .flatMap(([, workflow]) => jobsOf(workflow))
    .flatMap(({ strategy }) => strategy?.matrix.node ?? []);
  expect(packageJson.engines.node).toMatch(new RegExp(`^>=${Math.min(...tested)}\\.`));
  const version = textOf('.nvmrc').trim();
  expect(version).toMatch(new RegExp(`^${Math.min(...tested)}\\.`));
  expect(textOf('Dockerfile').match(/^FROM node:[\d.]+/gm)).toEqual([`FROM node:${version}`, `FROM node:${version}`]);
});
