/**
 * What `rollcall plan` prints of each group, for people or as a line of JSON (the totals: plan-totals.ts); and the look-ups of a dry run:
 * what the target calls a group and the members that its changes name.
 */
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { constants, createGunzip, createGzip } from 'node:zlib';
import { idKey, sourceMember } from '../core/change/change.ts';
import { type IdKind, type SureResolution, unresolvedFailure } from '../core/ids/resolution.ts';
import { classify } from '../core/target/outcome.ts';
import { jsonText, visible } from '../core/text/visible.ts';
import { ExitError } from '../exit-codes.ts';
import type { IdMap } from '../ports.ts';
import type { CommandContext } from './command-context.ts';
import {
  predictionsOf,
  type GroupIntents,
  type GroupPlan,
  type Names,
  type Prediction,
  type Refused,
} from './dry-run.ts';
import { targetExitCode } from './target.ts';

export function planText(plan: GroupPlan): string {
  const { group, etag, requests, noop } = plan;
  const lines = [`group ${group}  ${etag === null ? 'cannot be read' : `version ${etag}`}`];
  for (const { method, path, if_match: version, body } of requests) {
    lines.push(
      `  ${method} ${path}  If-Match: ${version ?? 'the version of the answer before'}`,
      `    ${jsonText(body)}`,
    );
  }
  if (noop.length > 0) lines.push(`  already so: ${noop.join(', ')}`);
  for (const [member, count] of plan.superseded)
    lines.push(lineOf({ member, outcome: 'superseded', code: null }, count));
  for (const each of plan.predicted) {
    if (each.outcome !== 'applied' && each.outcome !== 'already_synced') lines.push(lineOf(each));
  }
  return `${lines.join('\n')}\n`;
}

const lineOf = ({ member, outcome, code }: Prediction, count = 1): string =>
  `  ${outcome}: ${member ?? '(full state)'}${code === null ? '' : ` (${code})`}${count === 1 ? '' : ` ${count} times`}`;

const SLICE = 1_000;

/** In pieces: each change is an entry, and one member may have millions of them. */
export function* planJson(plan: GroupPlan): Generator<string> {
  const { group, etag, requests, noop } = plan;
  yield `${jsonText({ group, etag, requests, noop }).slice(0, -1)},"predicted":[`;
  let [entries, comma]: [string[], string] = [[], ''];
  for (const each of predictionsOf(plan)) {
    entries.push(jsonText(each));
    if (entries.length < SLICE) continue;
    yield comma + entries.join(',');
    [entries, comma] = [[], ','];
  }
  yield `${entries.length === 0 ? '' : comma}${entries.join(',')}]}\n`;
}

/** What an id map says of a group, and of the members that its changes name. */
export interface LookedUpNames {
  /** The reason where nothing can be planned, since the group is not known. */
  readonly names: Names | Refused;
  /** null: there is no id map. */
  readonly group: SureResolution | null;
}

/** @throws ExitError where the target gives no answer. */
export async function namesFor(
  ids: IdMap | null,
  wanted: GroupIntents,
  context: Pick<CommandContext, 'stop'>,
): Promise<LookedUpNames> {
  if (ids === null) return { names: { group: idKey(wanted.group), members: new Map() }, group: null };
  const group = await resolve(ids, 'group', wanted.group, context);
  if (group.kind !== 'found') return { names: { failure: unresolvedFailure('group', group), rule: 'slow' }, group };
  const named = new Set(
    [...wanted.intents.values()].flatMap((intent) => intent.whole?.members ?? [sourceMember(intent)]),
  );
  const members = new Map<string, SureResolution>();
  for (const member of named) members.set(member, await resolve(ids, 'user', member, context));
  return {
    names: { group: group.id, groupName: ids.groupNames?.lookedUp(wanted.group) ?? null, isMapped: true, members },
    group,
  };
}

async function resolve(
  ids: IdMap,
  kind: IdKind,
  id: string,
  { stop }: Pick<CommandContext, 'stop'>,
): Promise<SureResolution> {
  const known = ids.known(kind, id);
  if (known !== null && known.kind !== 'unanswered') return known;
  const resolution = await ids.lookUp(kind, id, () => !stop.aborted);
  if (resolution.kind !== 'unanswered') return resolution;
  const outcome = classify(resolution.answer, 'GET');
  const why = 'failure' in outcome ? outcome.failure.message : 'stopped before every id was looked up';
  throw new ExitError(targetExitCode(outcome.kind), `plan: the ${kind} ${id} could not be looked up: ${visible(why)}`);
}

/** Text that goes out after something that is not known yet. It waits compressed, and beside the heap that V8 limits. */
export class DeferredText {
  readonly #gzip = createGzip({ level: constants.Z_BEST_SPEED });
  readonly #chunks: Buffer[] = [];

  constructor() {
    this.#gzip.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
  }

  async write(text: string): Promise<void> {
    if (!this.#gzip.write(text)) await once(this.#gzip, 'drain');
  }

  /** All of it, in pieces; nothing can be written any more. */
  async *read(): AsyncGenerator<string> {
    const ended = once(this.#gzip, 'end');
    this.#gzip.end();
    await ended;
    const text = Readable.from(this.#chunks).pipe(createGunzip()).setEncoding('utf8');
    for await (const piece of text) yield String(piece);
  }
}
