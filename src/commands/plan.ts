/** `rollcall plan FILE|-`: the requests that `apply` would send, and what each change would come to. Sends GETs only. */
import { Command } from 'commander';
import { readConfig, type Config } from '../config.ts';
import { intentsOf } from '../core/change.ts';
import { foresee, foreseeRefused, want, type GroupPlan, type Wanted } from '../core/foresight.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import { native } from '../formats/native.ts';
import type { GroupApi } from '../ports.ts';
import { FILE_SOURCE, fileEnvironment } from './file-source.ts';
import { print, type Host } from './host.ts';
import { commandLog, readText } from './kafka-tools.ts';
import { readLines } from './lines.ts';
import { readGroup, withTarget } from './target.ts';

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
  const config = readConfig(fileEnvironment(host.environment), ['genesys', 'pipeline'], readText);
  const { wanted, invalid } = await readWanted(file, host);
  const failures = await withTarget({ host, genesys: config.genesys, logger: commandLog(host, config) }, (api) =>
    printPlans({ wanted: [...wanted.values()], config, api, flags }, host),
  );
  return invalid + failures > 0 ? EXIT.someFailed : EXIT.done;
}

async function readWanted(file: string, host: Host): Promise<{ wanted: Map<string, Wanted>; invalid: number }> {
  const wanted = new Map<string, Wanted>();
  let invalid = 0;
  for await (const { index, bytes } of readLines(file, host)) {
    if (bytes === null) continue;
    const decoded = native({ key: null, value: bytes }, { partitionCount: 1 });
    if (decoded.kind === 'invalid') {
      invalid += 1;
      await print(host.stderr, `line ${index + 1}: ${decoded.code}: ${decoded.message}\n`);
    }
    if (decoded.kind !== 'change') continue;
    const { wall } = host.clock.now();
    const source = { ...FILE_SOURCE, offset: BigInt(index), eventId: decoded.event.eventId, timestamp: wall };
    for (const intent of intentsOf(decoded.event, source, wall)) want(wanted, intent);
  }
  return { wanted, invalid };
}

interface Planning {
  readonly wanted: readonly Wanted[];
  readonly config: Config<'genesys' | 'pipeline'>;
  readonly api: GroupApi;
  readonly flags: PlanFlags;
}

/** In the order of the groups' first changes; returns how many changes would fail. */
async function printPlans({ wanted, config, api, flags }: Planning, host: Host): Promise<number> {
  const { concurrency } = config.genesys;
  let failures = 0;
  for (let from = 0; from < wanted.length; from += concurrency) {
    const part = wanted.slice(from, from + concurrency);
    const plans = await Promise.all(part.map((group) => planGroup(group, { config, api }, host)));
    for (const plan of plans) {
      failures += plan.predicted.filter(
        ({ outcome }) => outcome === 'failed' || outcome === 'permanent_failure',
      ).length;
      await print(host.stdout, flags.json === true ? `${JSON.stringify(plan)}\n` : planText(plan));
    }
  }
  return failures;
}

async function planGroup(
  wanted: Wanted,
  { config, api }: Pick<Planning, 'config' | 'api'>,
  host: Host,
): Promise<GroupPlan> {
  const { outcome } = await readGroup(api, wanted.group, host);
  const { apiUrl } = config.genesys;
  const { membersPerPatchMax, retry } = config.pipeline;
  switch (outcome.kind) {
    case 'applied':
      if (outcome.snapshot !== null) return foresee(wanted, outcome.snapshot, { apiUrl, membersPerPatchMax });
      throw new ExitError(EXIT.unavailable, `plan: the answer for group ${wanted.group} holds no group`);
    case 'denied':
    case 'not_found':
    case 'rejected':
      return foreseeRefused(wanted, outcome, retry);
    case 'not_started':
      throw new ExitError(EXIT.someFailed, 'plan: stopped before every group was read');
    case 'unchanged':
      throw new Error('304 to a GET without a condition');
    case 'conflict':
    case 'throttled':
    case 'transient':
    case 'unauthorized':
    case 'rejected_member':
    case 'too_large':
      throw new ExitError(EXIT.unavailable, `plan: ${outcome.failure.message}\n  ${outcome.failure.advice}`);
  }
}

function planText({ group, etag, requests, noop, predicted }: GroupPlan): string {
  const lines = [`group ${group}  ${etag === null ? 'cannot be read' : `version ${etag}`}`];
  for (const { method, path, if_match: version, body } of requests) {
    lines.push(
      `  ${method} ${path}  If-Match: ${version ?? 'the version of the answer before'}`,
      `    ${JSON.stringify(body)}`,
    );
  }
  if (noop.length > 0) lines.push(`  already so: ${noop.join(', ')}`);
  for (const { member, outcome, code } of predicted) {
    if (outcome !== 'applied' && outcome !== 'already_synced') {
      lines.push(`  ${outcome}: ${member}${code === null ? '' : ` (${code})`}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
