/** Reads all that the oracle judges by: every topic from its beginning, the committed offsets, and the target. */
import type { TopicRecord } from '../../src/ports.ts';
import type { EndState } from '../oracle/final-verdict.ts';
import { wantedOf } from '../oracle/intents.ts';
import { textOf } from '../oracle/live-records.ts';
import { INITIAL_MEMBERS } from './changes.ts';
import { isForeign, PARTITIONS, type ChaosHarness } from './chaos-harness.ts';

export async function readEndState(harness: ChaosHarness): Promise<EndState> {
  const { topics, sandbox, admin, name } = harness;
  const committed = new Map<number, bigint>();
  const sourceEnds = new Map<number, bigint>();
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    const { offset } = await admin.committed(name, topics.source, partition);
    if (offset !== null) committed.set(partition, offset);
    sourceEnds.set(partition, (await admin.bounds(topics.source, partition)).end);
  }
  const reports = await readAll(harness, topics.report);
  const source = await readAll(harness, topics.source);
  const named = new Set<string>();
  for (const wanted of source.flatMap((record) => wantedOf(topics.source, record, PARTITIONS))) {
    if (wanted.kind === 'intent') named.add(`${wanted.group} ${wanted.member}`);
  }
  const bystandersOf = (group: string): ReadonlySet<string> =>
    new Set(INITIAL_MEMBERS.filter((member) => !named.has(`${group} ${member}`)));
  return {
    topic: topics.source,
    source,
    reports: reports.map(({ value }) => JSON.parse(textOf(value)) as unknown),
    retry: await readAll(harness, topics.retry),
    deadLetters: await readAll(harness, topics.deadLetter),
    committed,
    sourceEnds,
    memberships: new Map(harness.groups.map((group) => [group, new Set(sandbox.members(group))])),
    bystanders: new Map(harness.groups.map((group) => [group, bystandersOf(group)])),
    foreign: isForeign,
  };
}

async function readAll({ tools }: ChaosHarness, topic: string): Promise<readonly TopicRecord[]> {
  const { signal } = new AbortController();
  const records: TopicRecord[] = [];
  for await (const record of tools.read(topic, { from: 'beginning', follow: false, signal })) records.push(record);
  return records;
}
