/** How long to wait before a write to the log is tried again. */

const FIRST_MS = 500;
/** Longer pauses would keep what waits from going out once the log is well again. */
const LONGEST_MS = 10_000;

/** 500 ms, 1 s, 2 s … 10 s. @param failures failed tries in a row, the last one included. */
export const writePauseMs = (failures: number): number => Math.min(FIRST_MS * 2 ** (failures - 1), LONGEST_MS);
