/** What `rollcall report --by` and `--html` keep in memory for each change that failed, every one of them of its own PATCH. */
import { CountedOperations } from '../../src/core/report/breakdown.ts';
import { OpenChanges } from '../../src/core/report/open-changes.ts';
import { readReport } from '../../src/console/report-search.ts';
import { aReport } from '../../test/support/a-report.ts';
import { single, type Figure } from '../figure.ts';
import type { Bench, Part } from '../part.ts';
import { heapMib } from '../world/heap.ts';

const CHANGES = { whole: 200_000, quick: 20_000 };
const GROUPS = 5_000;
const ROWS_MAX_BYTES = 600;
const PAGE_MAX_BYTES = 1_000;

export const report: Part = { name: 'report', isQuick: true, measure };

async function measure({ isQuick }: Bench): Promise<readonly Figure[]> {
  const count = CHANGES[isQuick ? 'quick' : 'whole'];
  const before = await heapMib();
  const counted = new CountedOperations(null);
  for (let i = 0; i < count; i += 1) counted.take(reportOf(i));
  const rowsMib = (await heapMib()) - before;
  const open = new OpenChanges(() => true);
  for (let i = 0; i < count; i += 1) open.note(reportOf(i).record, null);
  const pageMib = (await heapMib()) - before - rowsMib;
  const { total } = counted.breakdown('group', () => true);
  if (total.failed !== count || open.newest(1).count !== count) throw new Error('not all changes were kept');
  const bytes = (mib: number): number => (mib * 2 ** 20) / count;
  const name = (what: string): string => `${what}, for each of ${count.toLocaleString('en')} changes that failed`;
  return [
    single(name('memory of --by and --html'), bytes(rowsMib), { unit: 'B', atMost: ROWS_MAX_BYTES }),
    single(name('memory of --html beside it'), bytes(pageMib), { unit: 'B', atMost: PAGE_MAX_BYTES }),
  ];
}

/** As it is read from the topic: its texts are its own. */
function reportOf(i: number): NonNullable<ReturnType<typeof readReport>> & { readonly key: null } {
  const ids = {
    member: `00000000-0000-4000-8000-${serial(i)}`,
    group: `10000000-0000-4000-8000-${serial(i % GROUPS)}`,
  };
  const record = aReport(BigInt(i), ids.member, {
    ...ids,
    id: `identity.group-membership.changes/3/${i}/user-${i}@example.com`,
    source_member: `user-${i}@example.com`,
    source_group: `group-${i % GROUPS}`,
    outcome: 'failed',
    reason: {
      code: 'member_missing',
      message: `Genesys Cloud refused the member ${ids.member}: no user has this id.`,
      status: 400,
      scim_type: 'invalidValue',
      advice: 'Look whether the user is deleted or in another organisation; replay the change once the user is there.',
    },
    request: {
      patch_id: `20000000-0000-4000-8000-${serial(i)}`,
      etag_before: `"${i}"`,
      etag_after: null,
      status: 400,
      correlation_id: `30000000-0000-4000-8000-${serial(i)}`,
      duration_ms: 120,
      verified: true,
    },
  });
  const read = readReport(Buffer.from(JSON.stringify(record)));
  if (read === null) throw new Error('the report cannot be read');
  return { ...read, key: null };
}

const serial = (i: number): string => String(i).padStart(12, '0');
