/** What `rollcall doctor` says of the id map: the table is read, or the target asked, as `run` will do. */
import type { IdMapOptions } from '../adapters/ids/create.ts';
import { FileIdMap } from '../adapters/ids/file.ts';
import { IdMapError, firstShared, type SharedTargets } from '../adapters/ids/tables.ts';
import { TopicIdMap } from '../adapters/ids/topic.ts';
import type { Config } from '../config/config.ts';
import {
  equals,
  hidesAttribute,
  readScimList,
  searchFor,
  type LookUpAttribute,
  type ScimList,
  type Search,
} from '../core/ids/look-up.ts';
import { alterTopic } from '../core/log/topics.ts';
import { classify } from '../core/target/outcome.ts';
import type { GroupApi, LogTools } from '../ports.ts';
import type { CommandContext } from './command-context.ts';
import { commandLog } from './kafka-tools.ts';

export interface IdMapFinding {
  readonly status: 'ok' | 'warn' | 'fail';
  readonly message: string;
  readonly advice: string | null;
}

const ok = (message: string): IdMapFinding => ({ status: 'ok', message, advice: null });
const warn = (message: string, advice: string): IdMapFinding => ({ status: 'warn', message, advice });
const fail = (message: string, advice: string): IdMapFinding => ({ status: 'fail', message, advice });

/** `file`: the table is read. */
export async function fileFindings(
  path: string,
  context: CommandContext,
  config: Config<'ids'>,
): Promise<readonly IdMapFinding[]> {
  try {
    const map = await FileIdMap.open(path, { clock: context.clock, logger: commandLog(context, config) });
    await map.close();
    return [ok(`ID_MAP: ${path} names ${map.rows} ids.`), ...sharedTargets(map.shared)];
  } catch (error) {
    return [notOpened(error)];
  }
}

/** `topic`: the topic is described, and read to its end. @throws what Kafka throws. */
export async function topicIdFindings(
  topic: string,
  tools: LogTools,
  { context, config }: { readonly context: CommandContext; readonly config: Config<'ids'> },
): Promise<readonly IdMapFinding[]> {
  const surroundings = { tools, clock: context.clock, logger: commandLog(context, config), stop: context.stop };
  try {
    const map = await TopicIdMap.open(topic, surroundings);
    await map.close();
    return [...topicState(topic, map), ...badRecords(topic, map), ...sharedTargets(map.shared)];
  } catch (error) {
    return [notOpened(error)];
  }
}

function topicState(topic: string, { isCompacted, counts }: TopicIdMap): readonly IdMapFinding[] {
  const compacted = isCompacted
    ? []
    : [
        warn(
          `ID_MAP: topic ${topic} is not compacted: its retention will remove ids.`,
          alterTopic(topic, 'cleanup.policy=compact'),
        ),
      ];
  if (counts.rows > 0) return [ok(`ID_MAP: topic ${topic} names ${counts.rows} ids.`), ...compacted];
  return [
    warn(`ID_MAP: topic ${topic} names no id.`, 'Fill it: every change waits until its ids are there.'),
    ...compacted,
  ];
}

const badRecords = (topic: string, { counts }: TopicIdMap): readonly IdMapFinding[] =>
  counts.bad === 0
    ? []
    : [
        warn(
          `ID_MAP: ${counts.bad} records of topic ${topic} are no rows.`,
          'A value is {"type":"user"|"group","source_id","genesys_id","active"}; LOG_LEVEL=warn names the records.',
        ),
      ];

const sharedTargets = (shared: SharedTargets): readonly IdMapFinding[] =>
  firstShared(shared).map(({ target, sourceIds }) =>
    warn(
      `ID_MAP: the groups ${sourceIds.map((id) => JSON.stringify(id)).join(', ')} have the same genesys_id ${JSON.stringify(target)}.`,
      'Keep one row for this genesys_id: the changes of all these groups wait (group_ambiguous).',
    ),
  );

/** `scim`: a value that no user can have is looked up. */
export async function scimFindings(
  { userAttribute, groupAttribute }: IdMapOptions,
  api: GroupApi,
  context: CommandContext,
): Promise<readonly IdMapFinding[]> {
  const attributes: readonly LookUpAttribute[] =
    groupAttribute === 'id' ? [userAttribute] : [userAttribute, groupAttribute];
  const findings: IdMapFinding[] = [];
  for (const attribute of attributes) findings.push(await lookUpFinding(attribute, api, context));
  if (findings.every(({ status }) => status === 'ok'))
    findings.push(...(await visibility(userAttribute, api, context)));
  return findings;
}

async function lookUpFinding(
  attribute: LookUpAttribute,
  api: GroupApi,
  context: CommandContext,
): Promise<IdMapFinding> {
  const search = searchFor({ attribute, value: context.random.uuid() });
  const asked = await searchOnce(search, api, context);
  if ('failure' in asked) {
    const advice = `Choose another attribute for ID_MAP, or solve this. ${asked.failure.advice}`;
    return fail(`ID_MAP: ${search.resource} cannot be looked up by ${attribute}: ${asked.failure.message}`, advice);
  }
  if (asked.list.resources.length === 0) return ok(`ID_MAP: ${search.resource} are looked up by ${attribute}.`);
  return fail(
    `ID_MAP: the target ignores the filter by ${attribute}: it lists ${search.resource} for a value that no user has.`,
    'Choose another attribute, or a table (ID_MAP=file:PATH).',
  );
}

/** An externalId belongs to the client that provisioned the user, so another client may not see it. */
async function visibility(
  attribute: LookUpAttribute,
  api: GroupApi,
  context: CommandContext,
): Promise<readonly IdMapFinding[]> {
  const search = { ...searchFor({ attribute, value: '' }), filter: equals('active', true) };
  const asked = await searchOnce(search, api, context);
  if ('failure' in asked || !hidesAttribute(asked.list, attribute)) return [];
  return [
    warn(
      `ID_MAP: none of the first ${asked.list.resources.length} users shows an ${attribute} to this OAuth client.`,
      'Use the OAuth client that provisions the users, or ID_MAP_USER_ATTRIBUTE=userName.',
    ),
  ];
}

type SearchedOnce =
  | { readonly list: ScimList }
  | { readonly failure: { readonly message: string; readonly advice: string } };

async function searchOnce(search: Search, api: GroupApi, context: CommandContext): Promise<SearchedOnce> {
  await api.gate.take();
  const answer = await api.search({ ...search, mayStart: () => !context.stop.aborted });
  const list = answer.kind === 'response' && answer.status === 200 ? readScimList(answer.body) : null;
  if (list !== null) return { list };
  const outcome = classify(answer, 'GET');
  if ('failure' in outcome) return { failure: outcome.failure };
  return { failure: { message: `it was answered with \`${outcome.kind}\`.`, advice: 'Check GENESYS_API_URL.' } };
}

function notOpened(error: unknown): IdMapFinding {
  if (error instanceof IdMapError) return fail(error.message, 'Correct the table; `rollcall doctor` tries it again.');
  throw error;
}
