/** `rollcall doctor`: everything that `run` needs, tried one after the other; each finding with its remedy. Changes nothing. */
import { Command } from 'commander';
import { readConfig, type Config } from '../config/config.ts';
import { ConfigError } from '../config/problem.ts';
import { classify, tokenFailure } from '../core/target/outcome.ts';
import { proxyFor, shownProxy } from '../adapters/proxy.ts';
import { visible } from '../core/text/visible.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { GroupApi } from '../ports.ts';
import {
  fail,
  fileFindings,
  kafkaFindings,
  ok,
  scimFindings,
  type Finding,
  type Judged,
  warn,
} from '../console/doctor-checks.ts';
import { print, printJson, type CommandContext } from '../console/command-context.ts';
import { commandLog, configOf, readText } from '../console/kafka-tools.ts';
import { getGroupWithRetries, targetExitCode, withTarget } from '../console/target.ts';

export interface DoctorFlags {
  readonly json?: true;
}

export function doctorCommand(context: CommandContext): Command {
  return new Command('doctor')
    .summary(
      'try everything that `run` needs: configuration, brokers, topics, first records, token, permission, limits',
    )
    .description('Tries what `run` needs and names a remedy for each problem. Changes nothing.')
    .option('--json', 'one JSON object: {"findings":[{"check","status","message","advice"}]}')
    .addHelpText(
      'after',
      '\nExits 78 where the configuration is wrong, or where credentials or a permission of Kafka are refused; else 69 where something fails.',
    )
    .action(async (flags: DoctorFlags) => {
      context.finish(await examine(flags, context));
    });
}

export async function examine(flags: DoctorFlags, context: CommandContext): Promise<ExitCode> {
  const judged = [
    ...configurationFindings(context),
    ...(await kafkaFindings(context)),
    ...(await fileFindings(context)),
    ...(await targetFindings(context)),
  ];
  const findings = judged.map(({ check, status, message, advice }): Finding => ({ check, status, message, advice }));
  const redacted = findings.map((finding) => ({
    ...finding,
    message: context.secrets.redact(finding.message),
    advice: finding.advice === null ? null : context.secrets.redact(finding.advice),
  }));
  await (flags.json === true
    ? printJson(context.stdout, { findings: redacted })
    : print(context.stdout, redacted.map(findingText).join('')));
  const exits = judged.filter(({ status }) => status === 'fail').map(({ exit }) => exit);
  return exits.includes(EXIT.configuration) ? EXIT.configuration : (exits[0] ?? EXIT.done);
}

function configurationFindings(context: CommandContext): Judged[] {
  try {
    const { warnings, risks } = readConfig(
      context.environment,
      ['kafka', 'topics', 'format', 'ids', 'genesys', 'pipeline', 'operator', 'notify', 'drift', 'admin'],
      readText,
    );
    return [
      ok('configuration', 'Every variable is in order.'),
      ...warnings.map(misspelling),
      ...risks.map(({ variable, problem, example }) =>
        warn('configuration', `${variable} ${problem}`, `Example: ${variable}=${example}`),
      ),
    ];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const problems = error.problems.map(({ variable, problem, example }) =>
      fail('configuration', EXIT.configuration, `${variable} ${problem}`, `Example: ${variable}=${example}`),
    );
    return [...problems, ...error.warnings.map(misspelling)];
  }
}

const misspelling = (warning: string): Judged =>
  warn('configuration', warning, 'Correct the name, or unset the variable.');

async function targetFindings(context: CommandContext): Promise<Judged[]> {
  const config = configOf(context, ['genesys']);
  if (config === null) return [];
  const proxies = proxyFindings(config);
  return withTarget({ context, config, logger: commandLog(context, config) }, async (api) => {
    const refused = await api.ensureToken();
    if (refused !== null) {
      const { code, advice, message } = tokenFailure(refused);
      const why = refused.message === '' ? code : `${code}: ${refused.message}`;
      return [...proxies, fail('token', targetExitCode(classify(refused, 'GET').kind), `${message} (${why})`, advice)];
    }
    return [
      ...proxies,
      ok('token', `${config.genesys.loginUrl} gives a token.`),
      await permissionFinding(config, api, context),
      ...(await scimFindings(context, api)),
      limitsFinding(config, api),
    ];
  });
}

/** Which requests go through a proxy of the environment; without its credentials. */
function proxyFindings({ genesys, proxy }: Config<'genesys'>): Judged[] {
  return [...new Set([genesys.loginUrl, genesys.apiUrl])].flatMap((url) => {
    const through = proxyFor(url, proxy);
    if (through === null) return [];
    return [ok('configuration', `Requests to ${url} go through the proxy ${shownProxy(through)} of the environment.`)];
  });
}

/** Reading a group that does not exist: a client that may see groups gets a 404, one that may not is refused. */
async function permissionFinding(
  { genesys }: Config<'genesys'>,
  api: GroupApi,
  context: CommandContext,
): Promise<Judged> {
  const { answer, outcome } = await getGroupWithRetries(api, context.random.uuid(), context);
  if (outcome.kind === 'not_found') return ok('permission', 'Groups can be read through SCIM.');
  if (outcome.kind === 'denied') {
    const message = 'The OAuth client may not use SCIM groups: directory:group:edit is missing.';
    return fail('permission', EXIT.unavailable, message, outcome.failure.advice);
  }
  if ('failure' in outcome) {
    const { message, advice } = outcome.failure;
    return fail('permission', targetExitCode(outcome.kind), `${genesys.apiUrl}: ${message}`, advice);
  }
  const status = answer.kind === 'response' ? ` (status ${answer.status})` : '';
  return fail(
    'permission',
    EXIT.unavailable,
    `A group that cannot exist was answered with \`${outcome.kind}\`${status}.`,
    'Check GENESYS_API_URL: something other than Genesys Cloud answers there.',
  );
}

function limitsFinding({ genesys }: Config<'genesys'>, api: GroupApi): Judged {
  const { rateLimitPerMinute, concurrency } = genesys;
  const rate =
    rateLimitPerMinute === null
      ? "as many requests as the target's limit headers allow"
      : `at most ${rateLimitPerMinute} requests a minute`;
  const message = `${rate}, ${concurrency} at once.`;
  if (api.gate.waitedMs() < THROTTLED_MS) return ok('limits', `Rollcall will send ${message}`);
  return warn(
    'limits',
    `The target made this check wait for ${Math.round(api.gate.waitedMs() / 1000)} s; Rollcall will send ${message}`,
    'Something else spends the limit of this OAuth client: give Rollcall a client of its own.',
  );
}

/** A permit that is free is there at once. */
const THROTTLED_MS = 1_000;

const LABELS = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' } as const;

function findingText({ check, status, message, advice }: Finding): string {
  const more = advice === null ? '' : `      ${advice.replaceAll('\n', '\n      ')}\n`;
  return `${LABELS[status]}  ${check.padEnd(13)}  ${visible(message)}\n${more}`;
}
