/** Opens the target for one command. */
import { createGroupApi } from '../adapters/genesys/group-api.ts';
import { connectThrough } from '../adapters/genesys/http-client.ts';
import { readProxy, type Config } from '../config/config.ts';
import type { HttpAnswer } from '../core/target/refusals.ts';
import { classify, type Outcome } from '../core/target/outcome.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { GroupApi, Logger, RateGate } from '../ports.ts';
import { pauseUnlessAborted, unlessAborted } from '../time.ts';
import type { CommandContext } from './command-context.ts';

export async function withTarget<T>(
  {
    context,
    config: { genesys, isShadow },
    logger,
  }: { readonly context: CommandContext; readonly config: Config<'genesys'>; readonly logger: Logger },
  work: (api: GroupApi) => Promise<T>,
): Promise<T> {
  const { clock, random, secrets } = context;
  const connect = connectThrough(readProxy(context.environment).proxy);
  const api = createGroupApi(genesys, { clock, logger, random, secrets, connect, isShadow });
  try {
    return await work(api);
  } finally {
    await api.close();
  }
}

/** What a command that ends for this outcome exits with. */
export const targetExitCode = (outcome: Outcome['kind']): ExitCode =>
  outcome === 'unauthorized' ? EXIT.configuration : EXIT.unavailable;

/**
 * To a GET by an id: there is no such group, or the id has not the form of one (docs/genesys.md 6). Why, as a sentence without a full
 * stop; null: it does not say so. Only a 404 says that a group is gone.
 */
export function whyNoGroup(outcome: Outcome, id: string): string | null {
  if (outcome.kind === 'not_found') return `Genesys Cloud has no group ${id}`;
  if (outcome.kind !== 'rejected' || outcome.failure.status !== 400) return null;
  return `Genesys Cloud does not take ${id} for the id of a group (400: ${outcome.failure.message.replace(/\.$/, '')})`;
}

const TRIES_MAX = 4;
const RETRY_MS = 1_000;

export interface Read {
  readonly answer: HttpAnswer;
  readonly outcome: Exclude<Outcome, { readonly kind: 'throttled' }>;
}

const NOT_STARTED: Read = { answer: { kind: 'not_started' }, outcome: { kind: 'not_started' } };

/** Reads groups. */
export interface ReadingApi extends Pick<GroupApi, 'getGroup'> {
  readonly gate: Pick<RateGate, 'take'>;
}

/** One GET; 429 waits for the gate, what may pass is tried again a few times. */
export async function getGroupWithRetries(
  api: ReadingApi,
  group: string,
  context: Pick<CommandContext, 'clock' | 'stop'>,
): Promise<Read> {
  for (let tries = 1; ;) {
    if ((await unlessAborted(context.stop, api.gate.take())) === 'aborted') return NOT_STARTED;
    const answer = await api.getGroup({ group, ifNoneMatch: null, mayStart: () => !context.stop.aborted });
    const outcome = classify(answer, 'GET');
    if (outcome.kind !== 'throttled' && (outcome.kind !== 'transient' || tries === TRIES_MAX))
      return { answer, outcome };
    if (outcome.kind === 'transient') {
      tries += 1;
      await pauseUnlessAborted(context.clock, Math.max(RETRY_MS, outcome.retryAfterMs ?? 0), context.stop);
    }
  }
}
