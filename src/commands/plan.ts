/** `rollcall plan FILE|-`: the requests that `apply` would send, and what each change would come to. Sends GETs only. */
import { Command } from 'commander';
import type { Config } from '../config.ts';
import { type Intent, type SourceEvent, type SourceFormat, isChange } from '../core/change.ts';
import { intentsOf } from '../core/intents.ts';
import { shownName } from '../core/group-body.ts';
import { foresee, foreseeRefused, refusedBy, want, type GroupPlan, type Wanted } from '../core/foresight.ts';
import { renamedGroup, unresolvedFailure } from '../core/resolution.ts';
import { jsonText, visible } from '../core/visible.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import type { GroupApi, IdMap } from '../ports.ts';
import { FILE_SOURCE, fileEnvironment } from './file-source.ts';
import { print, printJson, type Host } from './host.ts';
import { openFormat } from './format.ts';
import { openIdMap } from './id-map.ts';
import { commandConfig, commandLog } from './kafka-tools.ts';
import { readLines } from './lines.ts';
import { namesFor } from './names.ts';
import { readGroup, targetExitCode, withTarget } from './target.ts';

export interface PlanFlags {
  readonly json?: true;
}

export function planCommand(host: Host): Command {
  return new Command('plan')
    .summary('dry run: the exact requests for a file of changes, nothing is sent')
    .description('Reads changes as `apply` does, folds them per group, reads the groups and prints what would be sent.')
    .argument('<file>', 'NDJSON of change events; - for standard input')
    .option('--json', 'one line per group: {"group","etag","requests","noop","predicted"}')
    .addHelpText('after', examples)
    .action(async (file: string, flags: PlanFlags) => {
      host.finish(await planFile(file, flags, host));
    });
}

const examples = `
Examples:
  $ echo '{"group_id":"5b1e…","add_members":["8c2f…"]}' | rollcall plan -
  $ rollcall plan --json changes.ndjson | jq '.requests | length'

Exits 1 where some changes would fail. Whether a user exists is known only once it is added.`;

export async function planFile(file: string, flags: PlanFlags, host: Host): Promise<ExitCode> {
  const parts = ['genesys', 'pipeline', 'ids', 'format'] as const;
  const config = await commandConfig(host, parts, fileEnvironment(host.environment));
  const logger = commandLog(host, config);
  const { wanted, invalid } = await readWanted(file, await openFormat(config.format), host);
  const failures = await withTarget({ host, genesys: config.genesys, logger }, async (api) => {
    const { ids, close } = await openIdMap(config, { host, api, logger });
    try {
      return await printPlans({ wanted: [...wanted.values()], config, api, ids, flags }, host);
    } finally {
      await close();
    }
  });
  return invalid + failures > 0 ? EXIT.someFailed : EXIT.done;
}

async function readWanted(
  file: string,
  format: SourceFormat,
  host: Host,
): Promise<{ wanted: Map<string, Wanted>; invalid: number }> {
  const wanted = new Map<string, Wanted>();
  let invalid = 0;
  for await (const { index, bytes } of readLines(file, host)) {
    if (bytes === null) continue;
    for (const { event, intents } of await decodeLine({ index, bytes }, format, host)) {
      for (const intent of intents) want(wanted, intent);
      if (event.kind !== 'invalid' && event.kind !== 'hint') continue;
      invalid += 1;
      await print(host.stderr, `line ${index + 1}: ${event.code}: ${visible(event.message)}\n`);
    }
  }
  return { wanted, invalid };
}

async function decodeLine(
  { index: line, bytes }: { readonly index: number; readonly bytes: Uint8Array },
  format: SourceFormat,
  host: Host,
): Promise<readonly { readonly event: SourceEvent; readonly intents: readonly Intent[] }[]> {
  const record = { key: null, value: bytes, headers: [] };
  await format.prepare?.([record]);
  const { wall } = host.clock.now();
  return format.decode(record, { partitionCount: 1 }).map((event, i, { length }) => {
    if (!isChange(event)) return { event, intents: [] };
    const position = { ...FILE_SOURCE, offset: BigInt(line), index: length > 1 ? i : null };
    return { event, intents: intentsOf(event, { ...position, eventId: event.eventId, timestamp: wall }, wall) };
  });
}

interface Planning {
  readonly wanted: readonly Wanted[];
  readonly config: Config<'genesys' | 'pipeline'>;
  readonly api: GroupApi;
  readonly ids: IdMap | null;
  readonly flags: PlanFlags;
}

/** In the order of the groups' first changes; returns how many changes would fail. */
async function printPlans({ wanted, flags, ...planning }: Planning, host: Host): Promise<number> {
  const { concurrency } = planning.config.genesys;
  let failures = 0;
  for (let from = 0; from < wanted.length; from += concurrency) {
    const part = wanted.slice(from, from + concurrency);
    const plans = await Promise.all(part.map((group) => planGroup(group, planning, host)));
    for (const plan of plans) {
      failures += plan.predicted.filter(
        ({ outcome }) => outcome === 'failed' || outcome === 'permanent_failure',
      ).length;
      await (flags.json === true ? printJson(host.stdout, plan) : print(host.stdout, planText(plan)));
    }
  }
  return failures;
}

async function planGroup(
  wanted: Wanted,
  { config, api, ids }: Pick<Planning, 'config' | 'api' | 'ids'>,
  host: Host,
): Promise<GroupPlan> {
  const { publicApiUrl } = config.genesys;
  const { membersPerPatchMax, retry, guard } = config.pipeline;
  const names = await namesFor(ids, wanted, host);
  if ('failure' in names) return foreseeRefused(wanted, names, retry);
  const { answer, outcome } = await readGroup(api, names.group, host);
  const named = { target: names.group, targetName: names.groupName ?? null };
  const renamed = renamedGroup(named, answer.kind === 'response' ? shownName(answer.body) : null);
  if (renamed !== null) {
    const failure = unresolvedFailure('group', { kind: 'renamed', ...renamed });
    return foreseeRefused(wanted, { failure, rule: 'slow' }, retry);
  }
  switch (outcome.kind) {
    case 'applied':
      if (outcome.snapshot !== null)
        return foresee(wanted, outcome.snapshot, names, { publicApiUrl, membersPerPatchMax, guard, retry });
      throw new ExitError(EXIT.unavailable, `plan: the answer for group ${wanted.group} holds no group`);
    case 'denied':
    case 'not_found':
    case 'rejected':
      return foreseeRefused(wanted, refusedBy(outcome), retry);
    case 'not_started':
      throw new ExitError(EXIT.someFailed, 'plan: stopped before every group was read');
    case 'unchanged':
      throw new Error('304 to a GET without a condition');
    case 'conflict':
    case 'throttled':
    case 'transient':
    case 'unauthorized':
    case 'rejected_member':
    case 'no_target':
    case 'too_large':
      throw new ExitError(
        targetExitCode(outcome.kind),
        `plan: ${visible(outcome.failure.message)}\n  ${outcome.failure.advice}`,
      );
  }
}

function planText({ group, etag, requests, noop, predicted }: GroupPlan): string {
  const lines = [`group ${group}  ${etag === null ? 'cannot be read' : `version ${etag}`}`];
  for (const { method, path, if_match: version, body } of requests) {
    lines.push(
      `  ${method} ${path}  If-Match: ${version ?? 'the version of the answer before'}`,
      `    ${jsonText(body)}`,
    );
  }
  if (noop.length > 0) lines.push(`  already so: ${noop.join(', ')}`);
  for (const { member, outcome, code } of predicted) {
    if (outcome !== 'applied' && outcome !== 'already_synced') {
      lines.push(`  ${outcome}: ${member ?? '(full state)'}${code === null ? '' : ` (${code})`}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
