/** Which reports that wait to be written keep partitions from being read. */
import { expect, test } from 'vitest';
import type { ReportRecord } from '../../src/core/report/report.ts';
import type { Report } from '../../src/core/report/reporting.ts';
import { limitIntake } from '../../src/pipeline/partition/intake.ts';
import type { TargetBreaker } from '../../src/pipeline/state/breaker.ts';
import type { Partition } from '../../src/pipeline/state/group.ts';
import { Outbox } from '../../src/pipeline/state/outbox.ts';
import type { Owners } from '../../src/pipeline/state/owners.ts';
import { Partitions } from '../../src/pipeline/state/partitions.ts';
import { IntakeLimit, ReportLimit } from '../../src/pipeline/state/intake-limits.ts';
import { Unsettled } from '../../src/pipeline/state/unsettled.ts';
import { aPartition, readToGoal } from '../support/a-partition.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { stubOf } from '../support/stub.ts';

const LIMIT = 3;

function anOwner(...assigned: readonly Partition[]) {
  const nothing = (): void => undefined;
  const partitions = new Partitions();
  for (const partition of assigned) partitions.add(partition);
  const topics = { source: 's', retry: 'r', deadLetter: 'd', report: 'p' };
  const owners = stubOf<Owners>({
    partitions,
    outbox: new Outbox({ topic: topics.report, isShadow: false }, new ManualClock()),
    unsettled: new Unsettled(),
    intakeLimit: new IntakeLimit(1_000),
    reportLimit: new ReportLimit(LIMIT),
    clock: new ManualClock(),
    breaker: stubOf<TargetBreaker>({ isClosed: true }),
    options: stubOf<Owners['options']>({ topics, pendingIntentsMax: 1_000 }),
    lease: stubOf<Owners['lease']>({ isEnding: false }),
    log: stubOf<Owners['log']>({ pause: nothing, resume: nothing }),
    logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  });
  return owners;
}

function report({ outbox }: Owners, partition: Partition, count: number): void {
  const said = stubOf<Report & ReportRecord>({});
  for (let i = 0; i < count; i += 1)
    outbox.add({ partition, group: null, offset: BigInt(i), key: null, report: said, deadLetter: null });
}

function running(): Partition {
  const partition = aPartition();
  readToGoal(partition);
  partition.move('restoring');
  partition.move('catching_up');
  partition.move('running');
  return partition;
}

test.each<[string, Partition, boolean]>([
  ['that is restored', running(), true],
  ['that waits for its fence', aPartition(), false],
])('reports of a partition %s', (_, partition, isPaused) => {
  const owners = anOwner(partition);
  report(owners, partition, LIMIT);
  limitIntake(owners);
  expect(owners.reportLimit.isPaused).toBe(isPaused);
});

test('reports of a partition that is lost count no more', () => {
  const partition = running();
  const owners = anOwner(partition);
  report(owners, partition, LIMIT);
  owners.outbox.revoke(partition);
  expect(owners.outbox.countOf(partition)).toBe(0);
});

test('what has piled up while the limit was lifted keeps nothing from being read', () => {
  const limit = new ReportLimit(LIMIT);
  expect(limit.note(100, true)).toBeNull();
  expect(limit.note(100, false)).toBeNull();
  expect(limit.note(LIMIT, false)).toBeNull();
  expect(limit.note(LIMIT - 1, false)).toBeNull();
  expect(limit.note(LIMIT, false)).toBe('paused');
  expect(limit.note(LIMIT, true)).toBe('resumed');
});
