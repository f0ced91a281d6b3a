/** A duration for people, in at most two units: `340 ms`, `12 s`, `3 min 20 s`, `2 h 5 min`, `4 d 1 h`. */

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

export function durationText(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 1) return `${Math.max(0, Math.round(ms))} ms`;
  const largest = UNITS.findIndex(([, length]) => seconds >= length);
  const [[unit, length], smaller] = [UNITS[largest] ?? UNITS[3], UNITS[largest + 1]];
  const count = `${Math.floor(seconds / length)} ${unit}`;
  const rest = smaller === undefined ? 0 : Math.floor((seconds % length) / smaller[1]);
  return rest === 0 || smaller === undefined ? count : `${count} ${rest} ${smaller[0]}`;
}
