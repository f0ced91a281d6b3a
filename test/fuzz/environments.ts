/** The environment: one frozen Config, or every problem at once, each with its variable and an example; never a secret. */
import { pipelineOptions, readConfig } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/problem.ts';
import { knownNames, names, type Part, variables } from '../../src/config/variables.ts';
import { demand, single } from './kind.ts';
import type { SeededRandom } from '../support/random.ts';
import { digits, ODD_NUMBERS, oddText } from './mutate.ts';

interface World {
  readonly environment: Readonly<Record<string, string>>;
  readonly parts: readonly Part[];
  readonly files: Readonly<Record<string, string>>;
}

const PARTS: readonly Part[] = ['kafka', 'topics', 'genesys', 'pipeline', 'admin'];
/** Part of every secret, and of nothing else. */
const MARK = 'h0shM4rk';
const FILES = ['/run/secret', '/run/empty', '/run/missing'];
const URLS = [
  'http://127.0.0.1:8080',
  'https://api.mypurecloud.ie',
  'HTTP://x.example',
  'https://u:p@x',
  'https://x/?q',
  'http:x',
  'https://é.example/p//',
  'file:///etc',
  'https://[::1]',
  'https://x:99999',
];
const WORDS = [
  'true',
  'false',
  'TRUE',
  'plain',
  'oauthbearer',
  'scram-sha-512',
  'debug',
  'native',
  'localhost:9092',
  '[::1]:9092',
  'a:1,b:2',
  'a:0',
  ',',
  'mypurecloud.de',
  'constructor',
  '__proto__',
  '0.0.0.0',
  '127.1',
  '.',
  '..',
];

function someWorld(random: SeededRandom): World {
  const environment: Record<string, string> = {
    KAFKA_BROKERS: 'broker.example.com:9093',
    GENESYS_CLIENT_ID: 'client',
    GENESYS_CLIENT_SECRET: `secret-${MARK}`,
  };
  for (let left = random.below(12); left > 0; left--) {
    const name = random.oneIn(8) ? misspelt(random) : random.pick(knownNames);
    if (random.oneIn(8)) delete environment[name];
    else environment[name] = aValue(random, name);
  }
  const parts = random.oneIn(3) ? PARTS.filter(() => random.oneIn(2)) : PARTS;
  return { environment, parts, files: { '/run/secret': `${MARK}\n`, '/run/empty': ' \n' } };
}

const isSecret = (name: string): boolean => names.some((known) => known === name && variables[known].kind === 'secret');

function aValue(random: SeededRandom, name: string): string {
  if (isSecret(name))
    return random.pick(['', ' ', '\r\n']) + (random.oneIn(4) ? '' : MARK + oddText(random).slice(0, 300));
  if (name.endsWith('_FILE')) return random.oneIn(4) ? oddText(random) : random.pick(FILES);
  switch (random.below(6)) {
    case 0:
      return oddText(random);
    case 1:
      return digits(random);
    case 2:
      return String(random.pick(ODD_NUMBERS));
    case 3:
      return random.pick(URLS);
    case 4:
      return Array.from({ length: random.below(5) }, () => random.pick(WORDS)).join(random.pick([',', ' ', ':']));
    default:
      return random.pick(WORDS);
  }
}

const misspelt = (random: SeededRandom): string => {
  const name = random.pick(knownNames);
  const at = random.below(name.length);
  return random.oneIn(6) ? oddText(random) : name.slice(0, at) + random.pick(['', '_', 'X']) + name.slice(at + 1);
};

function accountFor({ environment, parts, files }: World): string {
  const readFile = (path: string): string => {
    const content = Object.hasOwn(files, path) ? files[path] : undefined;
    if (content === undefined) throw Object.assign(new Error(`no such file: ${path}`), { code: 'ENOENT' });
    return content;
  };
  try {
    const config = readConfig(environment, parts, readFile);
    demandFrozen(config);
    demandClear(config.warnings.join('\n'));
    if (parts.length === PARTS.length) demandSafe(config, environment['ALLOW_INSECURE'] === 'true');
    return config.warnings.length > 0 ? 'config, with warnings' : 'config';
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    demand(error.problems.length > 0, 'it says what is wrong');
    for (const { variable, problem, example } of error.problems) {
      demand(
        knownNames.includes(variable) && problem !== '' && example !== '',
        `variable, problem and example: ${variable}`,
      );
    }
    demandClear(error.message);
    return error.problems.length === 1 ? 'one problem' : 'several problems';
  }
}

type Whole = ReturnType<typeof readConfig<'kafka' | 'topics' | 'genesys' | 'pipeline'>>;

/** What no rule may let through. */
function demandSafe(config: Whole, allowsInsecure: boolean): void {
  for (const url of [config.genesys.apiUrl, config.genesys.loginUrl]) {
    const { protocol, hostname } = new URL(url);
    const isLocal = /^(localhost|\[::1\]|127\.[\d.]+)$/.test(hostname);
    demand(protocol === 'https:' || isLocal || allowsInsecure, `no credentials in the clear: ${url}`);
  }
  for (const broker of config.kafka.brokers) demand(URL.canParse(`kafka://${broker}`), `a broker: ${broker}`);
  const options = pipelineOptions(config, 'owner');
  demand(options.leaseMs > 0 && options.lateApplyMs >= 0, 'requests may start');
}

function demandFrozen(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  demand(Object.isFrozen(value), 'the Config is frozen');
  for (const inner of Object.values(value)) demandFrozen(inner);
}

const demandClear = (text: string): void => demand(!text.includes(MARK), 'no text holds a secret');

export const environments = single('configuration', 60, { make: someWorld, account: accountFor });
