/** Whole exchanges through the real adapter: login host and target answer as they like, and every call ends with an Answer. */
import { createGroupApi } from '../../src/adapters/genesys/group-api.ts';
import type { HttpAnswer } from '../../src/core/target/refusals.ts';
import type { Logger } from '../../src/ports.ts';
import { anAnswer, judged, type RawAnswer } from './answers.ts';
import { connectionsTo, type Reply } from './connections.ts';
import { HastyClock } from './hasty-clock.ts';
import { demand, single } from './kind.ts';
import type { SeededRandom } from '../support/random.ts';
import { json, ODD_NUMBERS, oddText } from './mutate.ts';

interface Script {
  readonly login: readonly Reply[];
  readonly target: readonly Reply[];
  readonly method: 'GET' | 'PATCH';
  readonly group: string;
}

export const quiet: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

const answer = (raw: RawAnswer): Reply => ({ kind: 'answer', answer: raw });

function aToken(random: SeededRandom): Reply {
  if (random.oneIn(3)) return aReply(random);
  const token = random.oneIn(4) ? random.pick([oddText(random), 7, null, 'é', 'a\nb', 't'.repeat(100_000)]) : 'token';
  const expires = random.oneIn(3) ? random.pick([...ODD_NUMBERS, '60', null]) : 3_600;
  return answer({ status: 200, headers: {}, body: json({ access_token: token, expires_in: expires }) });
}

const CODES = [
  'ECONNRESET',
  'UND_ERR_SOCKET',
  'HPE_INVALID_CONSTANT',
  'UND_ERR_HEADERS_OVERFLOW',
  'ERR_TLS_CERT_ALTNAME_INVALID',
];

export function aReply(random: SeededRandom): Reply {
  if (random.oneIn(12)) return { kind: 'silence' };
  if (random.oneIn(12))
    return { kind: 'broken', answer: random.oneIn(2) ? anAnswer(random) : null, code: random.pick(CODES) };
  return answer(anAnswer(random));
}

const aScript = (random: SeededRandom): Script => ({
  login: Array.from({ length: 3 }, () => aToken(random)),
  target: Array.from({ length: 3 }, () => aReply(random)),
  method: random.pick(['GET', 'PATCH'] as const),
  group: random.pick(['g', '..', 'a/b?c#d', '%', '👩‍🚀', '"']),
});

const SECRET = 'hush-5d0f';
const options = {
  apiUrl: 'https://api.example.com',
  loginUrl: 'https://login.example.com',
  clientId: 'client',
  clientSecret: SECRET,
  requestTimeoutMs: 10_000,
  concurrency: 1,
  rateLimitPerMinute: null,
};

async function accountFor(script: Script): Promise<string> {
  const [login, target] = [[...script.login], [...script.target]];
  const clock = new HastyClock();
  const connect = (origin: string) =>
    connectionsTo(() => (origin.includes('login') ? login : target).shift() ?? { kind: 'silence' });
  const api = createGroupApi(options, { isShadow: false, clock, logger: quiet, connect });
  const request = { group: script.group, mayStart: () => true };
  const body = { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'] as const, Operations: [] };
  await api.gate.take();
  const got: HttpAnswer = await (script.method === 'GET'
    ? api.getGroup({ ...request, ifNoneMatch: '"1"' })
    : api.patchGroup({ ...request, ifMatch: '"1"', body }));
  // Whatever the limit headers said, a later request gets its permit; a wait longer than that is no limit.
  await api.gate.take();
  demand(clock.now().monotonic <= WAIT_MAX_MS, 'the next permit comes within hours');
  clock.stop();
  await api.close();
  demand(!JSON.stringify(got).includes(SECRET), 'the answer does not hold the secret');
  return `${got.kind === 'response' ? '' : `${got.kind}: `}${judged(got, script.method)}`;
}

const WAIT_MAX_MS = 3 * 3_600_000;

export const exchanges = single('exchanges', 30, { make: aScript, account: accountFor });
