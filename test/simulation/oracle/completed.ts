/** What the metadata of a commit says, read without any code of `src`. */

/** Offsets beyond the committed one that the metadata calls complete: `gap.length` in base 36, each from the last one's end. */
export function* completedOffsets(committed: bigint, metadata: string): Iterable<bigint> {
  let at = committed;
  for (const [, gap = '', length = ''] of metadata.matchAll(/([0-9a-z]+)\.([0-9a-z]+)/g)) {
    at += BigInt(Number.parseInt(gap, 36));
    const end = at + BigInt(Number.parseInt(length, 36));
    for (; at < end; at++) yield at;
  }
}

/** The epoch of the owner that committed; 0 where the metadata names none. */
export const epochOf = (metadata: string): number => Number(/;epoch=(\d+)/.exec(metadata)?.[1] ?? 0);
