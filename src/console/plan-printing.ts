/** What `rollcall plan` prints, of a file and of topics: the totals first, which are known last. */
import type { Config } from '../config/config.ts';
import { counted } from '../core/text/counted.ts';
import { print, printPieces, showProgress, type CommandContext } from './command-context.ts';
import { shortestPrefixes } from './held-sets.ts';
import type { PlanWriter } from './plan-file.ts';
import { DeferredText, planJson, planText } from './plan-text.ts';
import type { PlanTotals } from './plan-totals.ts';
import { plansOf, ReadTimes, type Planning } from './planning.ts';

export interface PrintFlags {
  readonly json?: true;
  readonly verbose?: true;
}

export interface PrintedPlan extends Omit<Planning, 'reads'> {
  readonly totals: PlanTotals;
  readonly flags: PrintFlags;
  /** Takes each group as well, and then its end; null: none does. */
  readonly out: Pick<PlanWriter, 'write' | 'end'> | null;
  /** Said behind the totals, once all groups are planned; lines, or ''. */
  readonly remarks: () => string;
}

/** Each group is read once, so what people read waits for the totals that stand before it. */
export async function printPlan(planning: PrintedPlan, context: CommandContext): Promise<void> {
  const { changes, totals, flags, config, api, out } = planning;
  const text = new DeferredText();
  const groupCount = changes.groupCount;
  const reads = new ReadTimes();
  const held = new Map<string, string>();
  let count = 0;
  const endProgress = showProgress(context.stderr, context.clock, () => {
    return { settled: count, total: groupCount, unit: 'groups', detail: 'read from Genesys Cloud' };
  });
  try {
    for await (const planned of plansOf({ ...planning, reads }, context)) {
      const { plan } = planned;
      count += 1;
      await out?.write(planned);
      totals.take(plan);
      if (plan.held !== null) held.set(plan.group, plan.held.digest);
      if (flags.json === true) await printPieces(context.stdout, planJson(plan));
      else if (flags.verbose === true) await text.write(planText(plan));
    }
    await out?.end();
  } finally {
    endProgress();
  }
  const takesMs = totals.takesMs(speedOf(config, reads), api.gate.budget(), context.clock.now().wall);
  const said = totals.text(takesMs) + heldText(held) + planning.remarks();
  await print(flags.json === true ? context.stderr : context.stdout, said);
  if (flags.json === true) return;
  if (flags.verbose !== true) return print(context.stdout, totals.shortList());
  for await (const piece of text.read()) await print(context.stdout, piece);
}

const speedOf = ({ genesys }: Config<'genesys'>, { meanMs }: ReadTimes) => ({
  slots: genesys.concurrency,
  requestMs: meanMs,
  readPerSecond: null,
});

const HELD_NAMED_MAX = 20;

/** @param held group → digest. @returns '' where nothing is held. */
function heldText(held: ReadonlyMap<string, string>): string {
  if (held.size === 0) return '';
  const prefixes = shortestPrefixes([...held.values()]);
  const named = [...held].slice(0, HELD_NAMED_MAX);
  const lines = named.map(([group, digest]) => `  --approve ${prefixes.get(digest) ?? digest}  group ${group}\n`);
  const left = held.size - named.length;
  const rest = left === 0 ? '' : `  … and ${counted(left, 'more group')}: --out writes all digests, under "held"\n`;
  return lines.join('') + rest;
}
