/**
 * What every ChangeLog must do, whatever log is behind it. Each test gets topics and a consumer group of its own.
 * Batches may repeat over a rebalance; all else is exact.
 */
import { afterEach, describe } from 'vitest';
import type { ChangeLogHarness, LogUnderTest } from './change-log/driver.ts';
import { groupCases, ownershipCases } from './change-log/group-cases.ts';
import { historyCases } from './change-log/history-cases.ts';
import { compactionCases, positionCases, readingCases } from './change-log/reading-cases.ts';
import { commitCases, sendCases, toolCases } from './change-log/writing-cases.ts';
import { waitMaxMs } from './recording-handler.ts';

export function changeLogSuite(name: string, harness: ChangeLogHarness): void {
  let opened: LogUnderTest[] = [];
  afterEach(async () => {
    for (const one of opened) await one.stop();
    opened = [];
  });

  const open = async (partitionCount: number): Promise<LogUnderTest> => {
    const one = await harness.open(partitionCount);
    opened.push(one);
    return one;
  };

  describe(name, { timeout: 2 * waitMaxMs }, () => {
    readingCases(open);
    positionCases(open);
    groupCases(open);
    ownershipCases(open);
    commitCases(open);
    sendCases(open);
    toolCases(open);
    historyCases(open);
    if (harness.canCompact) compactionCases(open);
  });
}
