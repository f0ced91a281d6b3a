/** Members that differ, as `run` reports them: which of them, by which ids, each once; and what readers make of such a report. */
import { describe, expect, test } from 'vitest';
import { readIntentId } from '../../src/core/change/change.ts';
import { KeptIds } from '../../src/core/change/kept-ids.ts';
import { DriftFindings } from '../../src/console/drift-findings.ts';
import { NOTHING_DIFFERS, type Differences } from '../../src/core/drift/differences.ts';
import { findingsOf, type DriftFinding } from '../../src/core/drift/findings.ts';
import { GroupFacts } from '../../src/core/drift/group-facts.ts';
import { Evidence } from '../../src/core/explain/evidence.ts';
import { ReportRecord } from '../../src/core/report/report.ts';
import { driftReport, reportRecord, smallerReport } from '../../src/core/report/reporting.ts';
import { foldReport, isFailure, isSuccess, operationId, type Operations } from '../../src/core/report/summary.ts';

const at = (offset: bigint) => ({ topic: 's', partition: 0, offset, index: null, timestamp: 1 });

/** `u` by an event of its own, `v` by a newer full state. */
function someFacts(): GroupFacts {
  const facts = new GroupFacts('G', new KeptIds());
  const about = { group: 'G', eventId: null, occurredAt: null } as const;
  facts.takeEvent({ ...about, kind: 'delta', add: ['u', 'w'], remove: [] }, at(1n));
  facts.takeEvent({ ...about, kind: 'state', members: ['v'], deleted: false }, at(2n));
  facts.takeEvent({ ...about, kind: 'delta', add: ['u'], remove: [] }, at(3n));
  return facts;
}

const found = (differences: Partial<Differences>) =>
  findingsOf(someFacts(), { ...NOTHING_DIFFERS, ...differences }, '"7"');

const unmet = (member: string | null, evidence: 'no_report' | 'failed' | 'refused', report: string | null = null) => ({
  member,
  target: member,
  evidence,
  report,
});
const undone = { member: 'v', target: 'V-1', op: 'add', event: 's/0/2', report: null, reported_at: null } as const;

const recordOf = (finding: DriftFinding, group = 'G'): ReportRecord => {
  const { place, ...drift } = finding;
  const source = { ...(place ?? at(0n)), eventId: null };
  return reportRecord(driftReport({ source, group, groupTarget: group, drift, reportedAt: 5 }), 9);
};

/** The only one. */
function recordOfThe(differences: Partial<Differences>): ReportRecord {
  const [finding] = found(differences);
  if (finding === undefined) throw new Error('nothing was found');
  return ReportRecord.parse(recordOf(finding));
}

describe('what is found', () => {
  test('what driftCount counts, each by the newest event about it, or about the group', () => {
    const differences = {
      missing: [unmet('u', 'no_report'), unmet('w', 'refused')],
      extra: [unmet('w', 'failed', 's/0/2/w'), unmet(null, 'no_report')],
      undone: [undone],
      pending: [{ member: 'p', target: 'p', op: 'add', state: 'held' }],
      foreign: [{ member: null, target: 'f' }],
    } as const;
    expect(
      found(differences).map(({ kind, op, member, evidence, place }) => [kind, op, member, evidence, place?.offset]),
    ).toEqual([
      ['missing', 'add', 'u', 'no_report', 3n],
      ['extra', 'remove', 'w', 'failed', 2n],
      ['extra', 'remove', null, 'no_report', 3n],
      ['undone', 'add', 'v', 'done', 2n],
    ]);
  });

  test('evidence that cannot be read is said', () => {
    const { reason } = recordOfThe({ undone: [undone], obstacles: ['a batch is bad'] });
    expect(reason).toMatchObject({
      code: 'undone',
      message: expect.stringMatching(/cannot be read may say otherwise/),
    });
    expect(recordOfThe({ undone: [undone] }).reason?.message).not.toContain('otherwise');
  });
});

describe('the report', () => {
  test('says what the source wants, by what evidence, and which version was shown', () => {
    expect(recordOfThe({ undone: [undone] })).toEqual({
      ...recordOfThe({ undone: [undone] }),
      id: 'drift/undone/G/v/s/0/2/"7"',
      final: true,
      group: 'G',
      member: 'V-1',
      source_member: 'v',
      op: 'add',
      outcome: 'drift',
      source: { topic: 's', partition: 0, offset: '2', event_id: null, timestamp: 1 },
      request: null,
      epoch: 9,
      drift: { evidence: 'done', report: null, version: '"7"' },
    });
    expect(recordOfThe({ missing: [unmet('u', 'failed', 's/0/3/u')] })).toMatchObject({
      reason: { code: 'missing', message: expect.stringContaining('s/0/3/u') },
      drift: { evidence: 'failed', report: 's/0/3/u' },
    });
  });

  test('has an id that no change has, and that tells groups and members apart', () => {
    const [one] = found({ extra: [unmet('a/b', 'no_report')] });
    const [other] = found({ extra: [unmet('a', 'no_report')] });
    if (one === undefined || other === undefined) throw new Error('nothing was found');
    const ids = [recordOf(one, 'g').id, recordOf(other, 'g').id, recordOf(other, 'g/a%2F').id];
    expect(ids).toEqual([
      'drift/extra/g/a%2Fb/s/0/2/"7"',
      'drift/extra/g/a/s/0/2/"7"',
      'drift/extra/g%2Fa%252F/a/s/0/2/"7"',
    ]);
    expect(ids.map((id) => readIntentId(id))).toEqual([null, null, null]);
  });

  test('is cut where it is too large, and keeps its id, its outcome and its kind', () => {
    const { id } = recordOfThe({ undone: [undone] });
    const smaller = smallerReport(recordOfThe({ undone: [undone] }));
    const least = smaller && smallerReport(smaller);
    expect(ReportRecord.parse(least)).toMatchObject({ id, outcome: 'drift', reason: { code: 'undone' }, member: null });
  });

  test('is no change to any reader: neither success nor failure, and no evidence', () => {
    const record = recordOfThe({ undone: [undone] });
    expect([isSuccess(record), isFailure(record), operationId(record)]).toEqual([false, false, record.id]);
    // Whatever its id, as that of the change it rests on.
    for (const id of [record.id, 's/0/2/v']) {
      const facts = someFacts();
      facts.takeReport({ ...record, id });
      expect(facts.members.get('v')).toBe(undefined);
      expect(facts.lastGroup).toBe(null);
      const evidence = new Evidence(null);
      evidence.takeReport({ ...record, id });
      expect([...evidence.members]).toEqual([]);
    }
    const operations: Operations = new Map();
    foldReport(operations, record);
    expect([...operations.keys()]).toEqual([record.id]);
  });
});

describe('each once', () => {
  const [owned, next] = [{ number: 3 }, { number: 3 }];
  const two = found({ missing: [unmet('u', 'no_report')], undone: [undone] });

  test('what is found again is no news, at any version; what has another kind or event is', () => {
    const findings = new DriftFindings();
    const taken = (found: readonly DriftFinding[]) => {
      const news = findings.newsOf('g', owned, found);
      findings.take('g', owned, found);
      return news;
    };
    expect(taken(two)).toEqual(two);
    expect(taken(findingsOf(someFacts(), { ...NOTHING_DIFFERS, undone: [undone] }, '"8"'))).toEqual([]);
    expect(taken(two).map(({ kind }) => kind)).toEqual(['missing']);
    expect(taken([])).toEqual([]);
    expect(taken(two)).toEqual(two);
  });

  test('under another ownership all is news; of what is not owned nothing is counted or kept', () => {
    const findings = new DriftFindings();
    findings.take('g', owned, two);
    expect(findings.counts(() => true)).toEqual({ members: { missing: 1, extra: 0, undone: 1 }, groups: 1 });
    expect(findings.counts((each) => each === next).groups).toBe(0);
    expect(findings.newsOf('g', next, two)).toEqual(two);
    findings.retain((group, each) => group === 'g' && each !== owned);
    expect(findings.counts(() => true).groups).toBe(0);
  });

  test('what was reported of a group that then moved is no news', () => {
    const findings = new DriftFindings();
    const [first, rest] = [two.slice(0, 1), two.slice(1)];
    findings.add('g', owned, first);
    expect(findings.newsOf('g', owned, two)).toEqual(rest);
    findings.add('g', owned, rest);
    expect(findings.newsOf('g', owned, two)).toEqual([]);
    findings.add('g', next, first);
    expect(findings.counts(() => true)).toEqual({ members: { missing: 1, extra: 0, undone: 0 }, groups: 1 });
  });
});
