import { describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { needsOfService } from '../../src/console/access.ts';
import {
  accessFinding,
  missingOf,
  needsOfIngest,
  needsOfOperator,
  needsOfRun,
  type Operation,
  whileRunning,
} from '../../src/core/log/authorization.ts';

const topics = { source: 's', retry: 'r', deadLetter: 'd', report: 'p' };
const set = (...operations: readonly Operation[]): ReadonlySet<Operation> => new Set(operations);

test('run needs what docs/reference.md says', () => {
  const needs = needsOfRun(topics, 'g', 'ids').map(
    ({ kind, name, operations }) => `${kind} ${name}: ${operations.join(' ')}`,
  );
  expect(needs).toEqual([
    'topic s: Read Describe DescribeConfigs',
    'topic r: Read Write Describe DescribeConfigs',
    'topic d: Write Describe DescribeConfigs',
    'topic p: Write Describe DescribeConfigs',
    'group g: Read Describe',
    'topic ids: Read Describe DescribeConfigs',
  ]);
});

test('run reads the report topic only where it compares groups', () => {
  const environment = { KAFKA_BROKERS: 'localhost:9092', REPORT_TOPIC: 'p', ID_MAP: 'topic:ids' };
  const needed = (more: Record<string, string>): readonly string[] => {
    const config = readConfig({ ...environment, ...more }, ['kafka', 'topics', 'ids', 'drift'], String);
    return needsOfService(config, config).map(({ name, operations }) => `${name}: ${operations.join(' ')}`);
  };
  expect(needed({})).toContain('ids: Read Describe DescribeConfigs');
  expect(needed({})).not.toContain('p: Read');
  expect(needed({ DRIFT_EVERY_MS: '10000' })).toContain('p: Read');
});

describe('what is missing', () => {
  test('is what is needed and not permitted, of each resource', () => {
    const needs = needsOfIngest('s', 'd');
    expect(missingOf(needs, [set('Read', 'Describe', 'DescribeConfigs'), set('Write', 'Describe')])).toEqual([
      { kind: 'topic', name: 's', operations: ['Write'] },
      { kind: 'topic', name: 'd', operations: ['DescribeConfigs'] },
    ]);
  });

  test('is nothing where the broker does not tell', () => {
    expect(missingOf(needsOfOperator(topics), [null])).toEqual([]);
    expect(missingOf(needsOfOperator(topics), [])).toEqual([]);
  });

  test('is no setting of a topic while a service runs', () => {
    const needs = whileRunning(needsOfRun(topics, 'g', null));
    expect(new Set(needs.flatMap(({ operations }) => operations))).toEqual(set('Read', 'Write', 'Describe'));
  });
});

describe('a finding', () => {
  const brokers = ['a:1', 'b:2'];

  test('names user, operations and resource, and the command that grants them', () => {
    const finding = accessFinding(
      { kind: 'topic', name: 'r', operations: ['Read', 'Write'] },
      { brokers, user: 'jane' },
    );
    expect(finding.message).toBe('Kafka does not permit User:jane Read, Write on the topic r.');
    expect(finding.remedy.split('\n')[0]).toBe(
      'kafka-acls.sh --bootstrap-server a:1,b:2 --add --allow-principal User:jane --operation Read --operation Write --topic r',
    );
  });

  test('quotes what a shell would take apart', () => {
    const finding = accessFinding(
      { kind: 'group', name: "it's a $group", operations: ['Read'] },
      { brokers, user: 'CN=a b' },
    );
    expect(finding.remedy).toContain(`--allow-principal 'User:CN=a b' --operation Read --group 'it'\\''s a $group'`);
  });

  test('leaves a place for a user who is not known', () => {
    const finding = accessFinding({ kind: 'group', name: 'g', operations: ['Read'] }, { brokers, user: null });
    expect(finding.remedy).toContain("--allow-principal '<the user that Rollcall connects as>'");
  });
});
