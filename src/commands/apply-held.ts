/**
 * What the guard holds in `apply`. The retry topic ends with the process, so that nothing can be approved later: the same
 * command is run again with the digests of what may pass. Positions are lines of the file, so they are the same then.
 */
import { isId } from '../core/change.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import { decideSets } from './held.ts';
import { DECIDED_LENGTH_MIN, type HeldSet, heldSets, setText } from './held-sets.ts';
import { print } from './host.ts';
import type { RetryTopic } from './retry-topic.ts';

/** @throws ExitError where one is no digest. */
export function checkDigests(digests: readonly string[]): void {
  const bad = digests.find((digest) => !/^[0-9a-f]{12,64}$/i.test(digest));
  if (bad === undefined) return;
  const what = `${DECIDED_LENGTH_MIN} to 64 hexadecimal digits, as apply prints them`;
  throw new ExitError(EXIT.usage, `apply: --approve ${bad}: ${what}`);
}

/** Lets exactly these sets pass, once all that will be held is held. */
export async function approveHeld(retry: RetryTopic, digests: readonly string[], user: string): Promise<void> {
  if (digests.length === 0) return;
  const sets = await heldSets(retry);
  const approved: HeldSet[] = [];
  for (const digest of digests) {
    const found = sets.filter((set) => set.digest.startsWith(digest.toLowerCase()));
    const [only] = found;
    if (only !== undefined && found.length === 1) approved.push(only);
    else await print(retry.host.stderr, `--approve ${digest}: ${found.length === 0 ? NONE : SEVERAL}\n`);
  }
  const decision = { kind: 'approve', author: isId(user) ? user : 'apply' } as const;
  await decideSets(retry, approved, decision, async () => undefined);
}

const NONE = 'nothing is held under it; the file or the group has changed, or it is done already';
const SEVERAL = 'several digests begin so; give more digits';

/** @returns '' where nothing is held. */
export function heldText(sets: readonly HeldSet[]): string {
  if (sets.length === 0) return '';
  const flags = sets.map(({ prefix }) => `--approve ${prefix}`).join(' ');
  return [
    `held by the removal guard, so that none of these was removed:\n`,
    ...sets.map((set) => `  ${setText(set).replaceAll('\n    ', '\n      ')}`),
    `To let exactly these pass, run the same command with\n  ${flags}\n`,
  ].join('');
}
