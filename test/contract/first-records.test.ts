/** What `doctor` and `run` read of a topic before anything is applied, on the log in this process. */
import { describe, expect, test } from 'vitest';
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import { systemClock, systemRandom } from '../../src/adapters/system.ts';
import { inspectFirstRecords } from '../../src/console/source-format.ts';
import { readConfig } from '../../src/config/config.ts';
import { refusesStart } from '../../src/formats/first-records/first-records.ts';
import type { OutRecord } from '../../src/ports.ts';

const TOPIC = 'idp.group-membership';

async function inspect(
  records: readonly Partial<OutRecord>[],
  environment: Record<string, string>,
  { partitionCount = 3, committed = new Map<number, bigint>() } = {},
) {
  const broker = new MemoryBroker(systemClock, systemRandom);
  const log = new MemoryLog(broker, { groupId: 'g', clientId: 'c', topics: { source: TOPIC, retry: 'retry' } });
  await log.createTopic({
    topic: TOPIC,
    partitionCount,
    replicationFactor: 1,
    settings: { 'cleanup.policy': 'delete' },
  });
  await log.send(
    records.map((record) => ({ topic: TOPIC, partition: null, key: null, value: null, headers: [], ...record })),
  );
  const config = readConfig(environment, ['topics', 'format'], () => '');
  const source = await log.describeTopic(TOPIC);
  if (source === null) throw new Error('the topic was not created');
  const { signal } = new AbortController();
  const findings = await inspectFirstRecords(config, source, { tools: log, signal, committed: async () => committed });
  await log.close();
  return findings.map((finding) => `${finding.code}${refusesStart(finding) ? ' !' : ''}`);
}

const event = (group: string): string =>
  JSON.stringify({
    resourceType: 'GROUP_MEMBERSHIP',
    operationType: 'CREATE',
    resourcePath: `users/u/groups/${group}`,
  });

describe('the first records', () => {
  test('of an empty topic say nothing', async () => {
    expect(await inspect([], { SOURCE_FORMAT: 'keycloak' })).toEqual([]);
  });

  test('are read from every partition, though one of them has many', async () => {
    const many = Array.from({ length: 400 }, () => ({ partition: 0, key: 'g', value: event('g') }));
    const keyless = { partition: 2, value: event('h') };
    expect(await inspect(many, { SOURCE_FORMAT: 'keycloak' })).toEqual([]);
    expect(await inspect([...many, keyless], { SOURCE_FORMAT: 'keycloak' })).toEqual(['keyless !']);
  });

  test('tell the format that they have', async () => {
    const records = [{ key: 'g', value: event('g') }];
    expect(await inspect(records, { SOURCE_FORMAT: 'okta' })).toEqual(['wrong_format !']);
    expect(await inspect(records, { SOURCE_FORMAT: 'auto' })).toEqual([]);
  });

  test('keep a service from starting again only where some of them are not committed', async () => {
    const records = ['a', 'b', 'c'].map((key) => ({ partition: 1, key, value: event('g') }));
    const okta = { SOURCE_FORMAT: 'okta' };
    expect(await inspect(records, okta, { committed: new Map([[1, 3n]]) })).toEqual(['wrong_format']);
    expect(await inspect(records, okta, { committed: new Map([[1, 2n]]) })).toEqual(['wrong_format !']);
    expect(await inspect(records, okta, { committed: new Map([[0, 9n]]) })).toEqual(['wrong_format !']);
  });

  test('of the native format are judged too', async () => {
    expect(await inspect([{ key: 'g', value: event('g') }], {})).toEqual(['wrong_format !']);
    const native = { key: 'g', value: '{"group_id":"g","add_members":["u"]}' };
    const two = [0, 2].map((partition) => ({ ...native, partition }));
    expect(await inspect(two, {})).toEqual(['key_in_several_partitions']);
  });

  test('tell that deletes are tombstones which are skipped', async () => {
    const row = { key: '{"group_id":"g","user_id":"u"}', value: '{"group_id":"g","user_id":"u","__op":"c"}' };
    expect(await inspect([row], { SOURCE_FORMAT: 'debezium' })).toEqual(['deletes_not_read !']);
    expect(await inspect([row], { SOURCE_FORMAT: 'debezium', DEBEZIUM_DELETES: 'tombstones' })).toEqual([]);
  });
});
