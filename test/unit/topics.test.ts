import { describe, expect, test } from 'vitest';
import {
  newTopics,
  refusesRun,
  topicFindings,
  type FoundTopic,
  type FoundTopics,
  type TopicRole,
} from '../../src/core/log/topics.ts';

const names = { source: 'source', retry: 'retry', deadLetter: 'dead', report: 'reports' };
const none: FoundTopics = { source: null, retry: null, deadLetter: null, report: null };
const wish = { partitionCount: 6, replicationFactor: 3 };

function asCreated(): FoundTopics {
  const topics = newTopics(names, none, wish).map(
    ({ topic, partitionCount, replicationFactor, settings }): [string, FoundTopic] => [
      topic,
      {
        partitionCount,
        replicationFactor,
        settings: new Map(Object.entries({ 'min.insync.replicas': '2', ...settings })),
      },
    ],
  );
  const found = new Map(topics);
  const of = (name: string): FoundTopic | null => found.get(name) ?? null;
  return { source: of('source'), retry: of('retry'), deadLetter: of('dead'), report: of('reports') };
}

function changed(role: TopicRole, settings: Record<string, string>, change: Partial<FoundTopic> = {}): FoundTopics {
  const all = asCreated();
  const topic = all[role];
  if (topic === null) throw new Error('not created');
  return {
    ...all,
    [role]: { ...topic, ...change, settings: new Map([...topic.settings, ...Object.entries(settings)]) },
  };
}

const codes = (found: FoundTopics): string[] => topicFindings(names, found).map(({ code }) => code);

describe('topics', () => {
  test('as they are created there is nothing to say about them', () => {
    expect(topicFindings(names, asCreated())).toEqual([]);
  });

  test('that are missing are errors that name `rollcall topics create`', () => {
    const findings = topicFindings(names, none);
    expect(findings.map(({ topic }) => topic)).toEqual(['source', 'retry', 'dead', 'reports']);
    expect(findings.every((finding) => finding.remedy.includes('rollcall topics create') && refusesRun(finding))).toBe(
      true,
    );
  });

  test.each<[string, FoundTopics, string, 'error' | 'warning']>([
    ['unequal counts', changed('retry', {}, { partitionCount: 5 }), 'partition_counts_differ', 'error'],
    ['compact,delete', changed('retry', { 'cleanup.policy': 'compact,delete' }), 'retry_not_compacted', 'error'],
    ['eager-cleaner', changed('retry', { 'min.compaction.lag.ms': '86399999' }), 'eager_cleaner', 'warning'],
    ['compacted source', changed('source', { 'cleanup.policy': 'compact' }), 'source_compacted', 'error'],
    ['source of both', changed('source', { 'cleanup.policy': 'delete,compact' }), 'source_compacted', 'error'],
    ['compacted reports', changed('report', { 'cleanup.policy': 'compact' }), 'report_compacted', 'error'],
    ['reports of both', changed('report', { 'cleanup.policy': 'compact,delete' }), 'report_compacted', 'error'],
    ['compacted letters', changed('deadLetter', { 'cleanup.policy': 'compact' }), 'dead_letter_compacted', 'error'],
    ['retention of a day', changed('source', { 'retention.ms': '86400000' }), 'retention_too_short', 'warning'],
    [
      'small dead letters',
      changed('deadLetter', { 'max.message.bytes': '1048588' }),
      'dead_letter_too_small',
      'warning',
    ],
    ['one replica', changed('report', {}, { replicationFactor: 1 }), 'not_replicated', 'warning'],
    ['one in sync', changed('report', { 'min.insync.replicas': '1' }), 'not_replicated', 'warning'],
  ])('%s is found', (_, found, code, severity) => {
    const findings = topicFindings(names, found);
    expect(findings).toMatchObject([{ code, severity }]);
    expect(findings.map(refusesRun)).toEqual([severity === 'error']);
    expect(findings[0]?.remedy).not.toBe('');
  });

  test('that a command does not use are not judged', () => {
    const { source } = changed('source', { 'cleanup.policy': 'compact' });
    const remedy = expect.stringContaining('full states of all groups') as unknown;
    expect(topicFindings(names, { source })).toMatchObject([{ code: 'source_compacted', remedy }]);
    expect(topicFindings(names, { deadLetter: null })).toMatchObject([{ code: 'topic_missing', topic: 'dead' }]);
    expect(topicFindings(names, {})).toEqual([]);
  });

  test('kept for ever are kept long enough', () => {
    expect(codes(changed('source', { 'retention.ms': '-1' }))).toEqual([]);
  });

  test('are created with the partition count and the record size of the source that is there', () => {
    const found = {
      ...none,
      source: changed('source', { 'max.message.bytes': '5000000' }, { partitionCount: 12 }).source,
    };
    const created = newTopics(names, found, wish);
    expect(created.map(({ topic, partitionCount }) => [topic, partitionCount])).toEqual([
      ['retry', 12],
      ['dead', 12],
      ['reports', 12],
    ]);
    expect(created[1]?.settings['max.message.bytes']).toBe('5065536');
  });
});
