/**
 * Compares groups with the target, one GET each. Evidence is read before the GETs of some groups, and the source once more after
 * them: a group that differs and has got a record in between is `moved`, since it may be that record that the GET has shown.
 */
import { idKey } from '../core/change/change.ts';
import { compare } from '../core/drift/comparison.ts';
import { isGoneInSource } from '../core/drift/standing.ts';
import { NOTHING_DIFFERS, type Differences, type KnownOfGroup } from '../core/drift/differences.ts';
import type { Outcome } from '../core/target/outcome.ts';
import type { Failure } from '../core/target/refusals.ts';
import type { Snapshot } from '../core/target/snapshot.ts';
import { isOlderVersion } from '../core/target/version.ts';
import { errorText } from '../core/text/visible.ts';
import type { IdKind } from '../core/ids/resolution.ts';
import { ExitError, type ExitCode } from '../exit-codes.ts';
import type { IdMap, Resolution } from '../ports.ts';
import type { CommandContext } from './command-context.ts';
import type { DriftEvidence } from './drift-evidence.ts';
import { chunks } from './dry-run.ts';
import type { RequestPace } from './request-pace.ts';
import { getGroupWithRetries, targetExitCode, type ReadingApi } from './target.ts';

export interface NamedGroup {
  /** As the source spells it. */
  readonly group: string;
  /** null: neither the id map nor a report says what the target calls it. */
  readonly target: string | null;
  /** Epoch ms, when the target had answered. */
  readonly comparedAt: number;
  /** Events of the group that were read before the target was. Absent: the target has not shown it. */
  readonly eventCount?: number;
}

/** What is known of it, and what the target shows. */
export interface ReadGroup extends NamedGroup {
  readonly known: KnownOfGroup;
  /** null: neither the source nor the target has the group any more. */
  readonly snapshot: Snapshot | null;
  readonly eventCount: number;
}

/** `moved`: it was changed while it was read, so that nothing is said. `failed`: it could not be read, or not be compared. */
export interface NotReadGroup extends NamedGroup {
  readonly status: 'moved' | 'failed';
  readonly code: string;
  readonly message: string;
}

export type ComparedGroup =
  | (Omit<ReadGroup, 'known'> & { readonly status: 'compared'; readonly differences: Differences })
  | NotReadGroup;

/** What is wanted besides the source topic: of each group by `idKey`, its members by `idKey`. */
export type WantedGroups = ReadonlyMap<string, NonNullable<KnownOfGroup['wanted']>>;

export interface Comparing {
  readonly evidence: DriftEvidence;
  readonly target: GroupReader;
  /** Asked before each request; where it says no the group is not read. Absent: each one may start. */
  readonly mayStart?: () => boolean;
  /** null: what the source says. */
  readonly wanted: WantedGroups | null;
  readonly context: Pick<CommandContext, 'clock' | 'stop'>;
}

/** What one read of the source stands for: about half a minute by the default pace. */
const GROUPS_A_READ = 20;

/** Other than the identity provider wants it, and nothing is on its way. */
export const driftCount = ({ missing, extra, undone }: Differences): number =>
  [...missing, ...extra].filter(({ evidence }) => evidence !== 'refused').length + undone.length;

/** As `readInTurn` says, of groups that are compared. */
export const compareGroups = (groups: readonly string[], comparing: Comparing): AsyncGenerator<ComparedGroup> =>
  readInTurn<ComparedGroup>(groups, comparing, {
    look: (group) => compareGroup(group, comparing),
    isUrgent: differs,
  });

interface Looking<G> {
  /** null: the group was not read, since it was asked to stop, or `mayStart` said no. */
  readonly look: (group: string) => Promise<G | null>;
  /** What is said of it must not be said of a group that has moved. */
  readonly isUrgent: (found: G) => boolean;
}

/**
 * In the order of the groups, which are named by the source, by `idKey`; of some at a time those that are urgent come last, once the
 * source is read again. Where it is asked to stop it ends after the group in hand, and what was found is handed out before an error. The
 * evidence has been read.
 */
export async function* readInTurn<G extends NamedGroup>(
  groups: readonly string[],
  { evidence, context }: Pick<Comparing, 'evidence' | 'context'>,
  { look, isUrgent }: Looking<G>,
): AsyncGenerator<G | NotReadGroup> {
  let isFirst = true;
  for (const part of chunks(groups, GROUPS_A_READ)) {
    if (context.stop.aborted) return;
    if (!isFirst) await evidence.refresh();
    isFirst = false;
    const urgent: G[] = [];
    let failure: Error | null = null;
    for (const group of part) {
      if (context.stop.aborted) break;
      const found = await look(group).catch((error: unknown) => asError(error));
      failure = found instanceof Error ? found : null;
      if (found === null || found instanceof Error) break;
      if (isUrgent(found)) urgent.push(found);
      else yield found;
    }
    if (urgent.length > 0) await evidence.readSource();
    for (const each of urgent) yield sourceHasMoved(each, evidence) ? movedOn(each) : each;
    if (failure !== null) throw failure;
  }
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(errorText(error)));

const differs = (compared: ComparedGroup): boolean =>
  compared.status === 'compared' && driftCount(compared.differences) > 0;

/** The source has got an event of the group since it was read, as far as the source is read. */
export const sourceHasMoved = ({ group, eventCount }: NamedGroup, evidence: DriftEvidence): boolean =>
  eventCount !== undefined && evidence.known(idKey(group), null).facts.eventCount > eventCount;

export const SOURCE_MOVED = 'the source got a record of the group while it was compared; compare it again';

const movedOn = ({ group, target, comparedAt }: NamedGroup): NotReadGroup => ({
  group,
  target,
  comparedAt,
  status: 'moved',
  code: 'source_moved',
  message: SOURCE_MOVED,
});

async function compareGroup(group: string, comparing: Comparing): Promise<ComparedGroup | null> {
  const { wanted } = comparing;
  if (wanted?.has(group) === false) return notInFile(group, comparing);
  const read = await readGroup(group, comparing);
  if (read === null || 'status' in read) return read;
  const { known, ...shown } = read;
  const { snapshot } = read;
  return { ...shown, status: 'compared', differences: snapshot === null ? NOTHING_DIFFERS : compare(known, snapshot) };
}

function notInFile(group: string, { evidence, context }: Comparing): NotReadGroup {
  const { spelling } = evidence.known(group, null).facts;
  const named = { group: spelling, target: evidence.targetOf(group), comparedAt: context.clock.now().wall };
  return { ...named, status: 'failed', code: 'not_in_file', message: 'the file has no full state of the group' };
}

/** @param group by `idKey`, as the source names it. @returns null: it was not read */
export async function readGroup(group: string, comparing: Comparing): Promise<ReadGroup | NotReadGroup | null> {
  const { evidence, target, mayStart, wanted, context } = comparing;
  const known = evidence.known(group, wanted?.get(group) ?? null);
  const { spelling, eventCount } = known.facts;
  const named = { group: spelling, target: evidence.targetOf(group), comparedAt: context.clock.now().wall };
  if (named.target === null)
    return {
      ...named,
      status: 'failed',
      code: 'group_unmapped',
      message: `neither the id map nor a report says for certain what Genesys Cloud calls it`,
    };
  const outcome = await target.read(named.target, mayStart);
  if (outcome.kind === 'not_started') return null;
  const answered = { ...named, comparedAt: context.clock.now().wall };
  // Gone on both sides.
  if (outcome.kind === 'not_found' && wanted === null && isGoneInSource(known))
    return { ...answered, known, snapshot: null, eventCount };
  if (outcome.kind !== 'applied' || outcome.snapshot === null)
    return { ...answered, status: 'failed', ...failureOf(outcome) };
  const { snapshot } = outcome;
  const lastVersion = known.facts.lastVersionOf(named.target);
  if (isOlderVersion(snapshot.version, lastVersion)) {
    const message = `the answer shows version ${snapshot.version}, which is older than ${lastVersion} of a report: it lags behind, or the group was deleted and created again`;
    return { ...answered, status: 'moved', code: 'target_behind', message };
  }
  return { ...answered, known, snapshot, eventCount };
}

const failureOf = (outcome: GroupOutcome): { readonly code: string; readonly message: string } =>
  'failure' in outcome
    ? { code: outcome.failure.code, message: `${outcome.failure.message} ${outcome.failure.advice}` }
    : { code: 'no_group', message: 'the answer holds no group' };

type GroupOutcome = Exclude<Outcome, { readonly kind: 'throttled' }>;

const FAILURES_MAX = 5;

/** No group can be read at present. */
export class UnreadableTargetError extends ExitError {
  readonly problem: string;
  readonly advice: string;

  constructor(exitCode: ExitCode, { code, message, advice }: Failure) {
    const problem = `Genesys Cloud cannot be read (${code}): ${message}`;
    super(exitCode, `${problem} ${advice}`);
    this.problem = problem;
    this.advice = advice;
  }
}

/** Reads groups, and looks names up, at its pace, which each request waits for; counts the requests. */
export class GroupReader {
  readonly #api: ReadingApi;
  readonly #pace: RequestPace;
  readonly #context: Pick<CommandContext, 'clock' | 'stop'>;
  #failuresInRow = 0;
  requestCount = 0;

  constructor(api: ReadingApi, pace: RequestPace, context: Pick<CommandContext, 'clock' | 'stop'>) {
    const { stop } = context;
    this.#pace = pace;
    this.#context = context;
    this.#api = {
      gate: {
        take: async () => {
          await pace.turn(stop);
          if (!stop.aborted) await api.gate.take();
        },
      },
      getGroup: (request) => {
        this.requestCount += 1;
        return api.getGroup(request);
      },
    };
  }

  /** null: it was asked to stop before. */
  async lookUp(ids: IdMap, kind: IdKind, name: string): Promise<Resolution | null> {
    const { stop } = this.#context;
    await this.#pace.turn(stop);
    if (stop.aborted) return null;
    this.requestCount += 1;
    return await ids.lookUp(kind, name, () => !stop.aborted);
  }

  /**
   * @param mayStart asked before each request; where it says no the outcome is `not_started`.
   * @throws UnreadableTargetError where the target refuses the client, or gives no usable answer of several groups in a row.
   */
  async read(target: string, mayStart: () => boolean = () => true): Promise<GroupOutcome> {
    const api: ReadingApi = {
      gate: this.#api.gate,
      getGroup: (request) => this.#api.getGroup({ ...request, mayStart: () => request.mayStart() && mayStart() }),
    };
    const { outcome } = await getGroupWithRetries(api, target, this.#context);
    this.#failuresInRow = outcome.kind === 'transient' ? this.#failuresInRow + 1 : 0;
    if (outcome.kind === 'unauthorized' || (outcome.kind === 'transient' && this.#failuresInRow >= FAILURES_MAX))
      throw new UnreadableTargetError(targetExitCode(outcome.kind), outcome.failure);
    return outcome;
  }
}
