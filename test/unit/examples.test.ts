/** examples/native-kcat and examples/okta-webhook: their files mean what their pages say, and each command and setting exists. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readTable } from '../../src/adapters/ids/file.ts';
import { readConfig } from '../../src/config/config.ts';
import { knownNames, type Part, variables } from '../../src/config/variables.ts';
import { native } from '../../src/formats/native/native.ts';
import { okta } from '../../src/formats/okta.ts';
import { parseSeed } from '../../src/lab/sandbox/seed.ts';
import { readCommandLine } from '../support/command-lines.ts';
import { type FencedBlock, fencedBlocks } from '../support/fenced-blocks.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const textOf = (path: string): string => readFileSync(`${root}${path}`, 'utf8');

type Environment = Readonly<Record<string, string>>;

interface Service {
  readonly environment?: Environment;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Environment;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly configs?: { readonly seed: { readonly content: string } };
}

const composeOf = (path: string): Compose => parse(textOf(path), { merge: true }) as Compose;
const base = composeOf('docker-compose.yml');
const seed = parseSeed(JSON.parse(base.configs?.seed.content ?? ''), { source: 'docker-compose.yml', anybody: false });
const oktaFolder = 'examples/okta-webhook';
const added = composeOf(`${oktaFolder}/docker-compose.yml`);
const services = new Set([base, added].flatMap((compose) => Object.keys(compose.services)));
const groupIds = seed.groups?.map(({ id }) => id);
const userIds = Array.from({ length: seed.userCount ?? 0 }, (_, index) => `user-${index + 1}`);

/** The example values of Compose stand for what the shell has. */
const INGEST_OKTA_SECRET = 'a'.repeat(64);
const configOf = (environment: Environment, parts: readonly Part[]) =>
  readConfig(environment, parts, () => INGEST_OKTA_SECRET);

const environmentIn = ({ content }: FencedBlock): Environment =>
  Object.fromEntries(
    content
      .trim()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );

describe.each(['examples/native-kcat', oktaFolder])('%s', (folder) => {
  const page = textOf(`${folder}/README.md`);
  const commands = fencedBlocks(page)
    .filter(({ language }) => language === 'bash')
    .map(({ content }) => content.replaceAll('\\\n', ' '));
  const text = commands.join('\n');

  test('bash can read the commands', () => {
    expect(commands.length).toBeGreaterThan(4);
    for (const command of commands) execFileSync('bash', ['-n', '-c', command]);
  });

  test('each command of Rollcall exists, with its options', () => {
    const lines = [...text.matchAll(/(?:^rollcall|cli\.js) ([^|>\n]+)/gm)].map(([, line = '']) => line.trim());
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) expect(() => readCommandLine(line), line).not.toThrow();
  });

  test('the services, topics, ports and files that it names are there', () => {
    const named = [...text.matchAll(/docker compose (?:exec(?: -T)?|logs) (\w+)/g)].map(([, name = '']) => name);
    expect(named.filter((name) => !services.has(name))).toEqual([]);
    const topics = [...text.matchAll(/kcat .*-t (\S+)/g)].map(([, name]) => name);
    const known = [variables.SOURCE_TOPIC, variables.REPORT_TOPIC, variables.DEAD_LETTER_TOPIC].map(
      (each) => each.initial,
    );
    expect(topics.filter((name) => !known.includes(name ?? null))).toEqual([]);
    const published = [base, added].flatMap((compose) =>
      Object.values(compose.services).flatMap(({ ports = [] }) => ports),
    );
    const used = [...text.matchAll(/(?:127\.0\.0\.1|localhost):(\d+)/g)].map(([, port]) => port);
    expect(used.filter((port) => !published.some((each) => each.startsWith(`127.0.0.1:${port}:`)))).toEqual([]);
    for (const [path] of text.matchAll(/examples\/[\w./-]+/g)) expect(existsSync(`${root}${path}`), path).toBe(true);
    for (const [, file = ''] of page.matchAll(/^\| `([\w.-]+)` \|/gm))
      expect(existsSync(`${root}${folder}/${file}`), file).toBe(true);
  });

  test('each variable that it names exists', () => {
    const named = page.match(/\b(?:INGEST|KAFKA|GENESYS|SOURCE|ID)_[A-Z_]+\b/g) ?? [];
    expect(named.filter((name) => !knownNames.includes(name))).toEqual([]);
  });
});

describe('native events with kcat', () => {
  const topic = { partitionCount: 6 };
  const decoded = (name: string) =>
    textOf(`examples/native-kcat/${name}`)
      .trimEnd()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('|')), line.slice(line.indexOf('|') + 1)])
      .flatMap(([key = '', value = '']) =>
        native.decode({ key: Buffer.from(key), value: Buffer.from(value), headers: [] }, topic),
      );

  test('each line is a change of a group that the emulator has, and names users of it', () => {
    const changes = decoded('changes.txt');
    expect(changes).toMatchObject([
      { kind: 'delta', group: 'sales', add: ['user-2', 'user-3'], remove: [], eventId: 'change-1' },
      { kind: 'delta', group: 'sales', add: [], remove: ['user-1'], occurredAt: '2026-01-31T12:00:00Z' },
      { kind: 'delta', group: 'support', add: ['user-4', 'user-5'], remove: [] },
    ]);
    expect(groupIds).toEqual(['sales', 'support']);
    expect(userIds).toEqual(expect.arrayContaining(['user-1', 'user-2', 'user-3', 'user-4', 'user-5', 'user-6']));
  });

  test('the full state and the group that is gone are read as such', () => {
    expect(decoded('full-state.txt')).toMatchObject([
      { kind: 'state', group: 'support', members: ['user-5', 'user-6'], deleted: false },
    ]);
    expect(decoded('deleted-group.txt')).toMatchObject([
      { kind: 'state', group: 'support', members: [], deleted: true },
    ]);
  });
});

describe('the Okta event hook', () => {
  const hook = textOf(`${oktaFolder}/user-added.json`);
  const ids = textOf(`${oktaFolder}/ids.csv`).trim().split('\n').slice(1);

  test('what it sends is one added user, whom the table of ids knows, as it knows the group', async () => {
    expect(okta.decode({ key: null, value: Buffer.from(hook), headers: [] }, { partitionCount: 6 })).toMatchObject([
      { kind: 'delta', group: '00g1aaaaaaaaaaaaaaaa', add: ['00u1aaaaaaaaaaaaaaaa'], remove: [] },
    ]);
    expect((await readTable(`${root}${oktaFolder}/ids.csv`)).read.ok).toBe(true);
    expect(ids).toEqual(['group,00g1aaaaaaaaaaaaaaaa,sales', 'user,00u1aaaaaaaaaaaaaaaa,user-7']);
    expect(groupIds).toContain('sales');
    expect(userIds).toContain('user-7');
  });

  test('the hook is subscribed to what is read, at the path and in the header of the server', () => {
    const { events, channel } = JSON.parse(textOf(`${oktaFolder}/event-hook.json`)) as {
      readonly events: { readonly items: readonly string[] };
      readonly channel: { readonly config: { readonly uri: string; readonly authScheme: Environment } };
    };
    for (const eventType of events.items) {
      const value = Buffer.from(hook.replace('group.user_membership.add', eventType));
      const [event] = okta.decode({ key: null, value, headers: [] }, { partitionCount: 6 });
      expect(event?.kind, eventType).toMatch(/^(delta|state)$/);
    }
    expect(channel.config).toMatchObject({
      uri: 'https://rollcall.example.com:8443/okta',
      authScheme: { type: 'HEADER', key: 'Authorization' },
    });
  });

  test('the containers have a configuration without problems, and what they mount and wait for', () => {
    const { ingest, rollcall } = added.services;
    const environment = { ...ingest?.environment, INGEST_OKTA_SECRET };
    expect(ingest?.environment?.['INGEST_OKTA_SECRET']).toMatch(/^\$\{INGEST_OKTA_SECRET:\?/);
    expect(configOf(environment, ['kafka', 'topics', 'ingest', 'webhook', 'admin']).warnings).toEqual([]);
    const merged = { ...base.services['rollcall']?.environment, ...rollcall?.environment };
    const config = configOf(merged, ['kafka', 'topics', 'format', 'ids', 'genesys', 'pipeline', 'admin']);
    expect(config.warnings).toEqual([]);
    const [volume = ''] = rollcall?.volumes ?? [];
    const [source = '', target] = volume.split(':');
    expect(existsSync(`${root}${source}`)).toBe(true);
    expect(merged['ID_MAP']).toBe(`file:${target}`);
    for (const name of Object.keys(ingest?.depends_on ?? {})) expect(services).toContain(name);
  });

  test('so have the two services of its page', () => {
    const blocks = fencedBlocks(textOf(`${oktaFolder}/README.md`)).filter(({ language }) => language === 'env');
    const parts: Readonly<Record<string, readonly Part[]>> = {
      webhook: ['kafka', 'topics', 'ingest', 'webhook', 'admin'],
      run: ['kafka', 'topics', 'format', 'ids', 'genesys', 'pipeline', 'admin'],
    };
    expect(blocks.map(({ marks }) => marks)).toEqual([['webhook'], ['run']]);
    for (const block of blocks)
      expect(configOf(environmentIn(block), parts[block.marks[0] ?? ''] ?? []).warnings).toEqual([]);
  });
});
