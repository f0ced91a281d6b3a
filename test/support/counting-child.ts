/** Fills an index at the path that it is given with so many reports, each of a change and a PATCH of its own, and counts them by group. */
import { RecordIndex } from '../../src/adapters/record-index/record-index.ts';
import { printReport } from '../../src/commands/report.ts';
import type { Bounds, LogTools } from '../../src/ports.ts';
import { aReport, aRequest } from './a-report.ts';
import { aContext } from './command-context.ts';
import { stubOf } from './stub.ts';

const [, , path = '', count = '0'] = process.argv;
const ENTRIES_A_TURN = 5_000;
const GROUPS = 50;

const index = await RecordIndex.open(path, 'of');
for (let from = 0; from < Number(count); from += ENTRIES_A_TURN) {
  const entries = Array.from({ length: ENTRIES_A_TURN }, (_, i) => entryOf(from + i));
  index.writer.add('report', entries, new Map([[0, { first: 0n, next: BigInt(from + ENTRIES_A_TURN) }]]));
}
const context = aContext();
const description = { partitionCount: 1, replicationFactor: 1, settings: new Map() };
const tools = stubOf<LogTools>({ describeTopic: async () => description });
const bounds = async () => new Map<number, Bounds>();
await printReport({ flags: { by: 'group', format: 'json' }, topic: 'reports', tools, bounds, index, context });
const { total } = JSON.parse(context.out()) as { readonly total: object };
process.stdout.write(JSON.stringify(total));

function entryOf(i: number) {
  const group = `group-${i % GROUPS}`;
  const member = `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`;
  const more = { group, source_group: group, lag_ms: { queue: i % 2_000, apply: 1 } };
  const report = aReport(BigInt(i), member, {
    ...more,
    request: aRequest(`20000000-0000-4000-8000-${member.slice(-12)}`),
  });
  const about = { group, names: [group], member, otherMember: member, position: null, partition: 0 };
  const record = { partition: 0, offset: BigInt(i), timestamp: i, key: Buffer.from(group), headers: [] };
  return {
    record: { ...record, value: Buffer.from(JSON.stringify(report)) },
    time: i,
    about: [{ ...about, target: null, memberTarget: null, version: null }],
    outcome: 'applied',
    problem: null,
  };
}
