/** How far a long work is: one line that is written over on a terminal, plain lines elsewhere. */
import type { Clock } from '../ports.ts';

export interface Progress {
  /** Of changes: those with a final report. */
  readonly settled: number;
  readonly total: number;
  /** What is counted; absent: changes. */
  readonly unit?: string;
  /** Said behind them. */
  readonly detail: string;
}

export interface ProgressOutput {
  readonly isTTY?: boolean;
  write(text: string): boolean;
}

const TERMINAL_INTERVAL_MS = 100;
const PLAIN_INTERVAL_MS = 2_000;
/** Elsewhere a line that says the same as the one before is left out for as long. */
const SAME_INTERVAL_MS = 60_000;

/** Writes `current()` now and then; the returned function ends that, with a last line where there was one before. */
export function showProgress(output: ProgressOutput, clock: Clock, current: () => Progress): () => void {
  const isTerminal = output.isTTY === true;
  const startedAt = clock.now().monotonic;
  let shown = { text: '', at: startedAt };
  const show = (): void => {
    const progress = current();
    const now = clock.now().monotonic;
    const text = JSON.stringify(progress);
    if (!isTerminal && text === shown.text && now - shown.at < SAME_INTERVAL_MS) return;
    shown = { text, at: now };
    const line = progressLine(progress, (now - startedAt) / 1000);
    output.write(isTerminal ? `\r\u001b[2K${bar(progress)} ${line}` : `${line}\n`);
  };
  let cancel = (): void => undefined;
  const later = (): void => {
    cancel = clock.schedule(isTerminal ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS, () => {
      show();
      later();
    });
  };
  later();
  return () => {
    cancel();
    if (shown.text === '') return;
    show();
    if (isTerminal) output.write('\n');
  };
}

/** No more columns than a small terminal has, beside the bar. */
export function progressLine({ settled, total, unit = 'changes', detail }: Progress, seconds: number): string {
  const percent = total === 0 ? 100 : Math.floor((100 * settled) / total);
  return `${seconds.toFixed(1).padStart(5)} s  ${settled}/${total} ${unit} (${percent} %), ${detail}`;
}

const BAR_WIDTH = 16;

function bar({ settled, total }: Progress): string {
  const filled = total === 0 ? BAR_WIDTH : Math.floor((BAR_WIDTH * settled) / total);
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}]`;
}
