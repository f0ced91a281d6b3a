/** How a remedy goes on: the change waits and lands by itself, or it was given up, and an operator has to try it again. */
import { quotedForShell } from './visible.ts';

export const BY_ITSELF = '; it lands by itself then.';

/** In the service: what was given up stays in the retry topic. */
export const thenReplay = (id: string): string =>
  `; then wake it with \`rollcall replay now --id ${quotedForShell(id)} --yes\`.`;

/** In `apply`, whose log ends with it. */
export const THEN_APPLY = '; then apply the file again.';

/** @param then how it goes on once what the advice says is done. */
export function afterGivingUp(advice: string, [former, then]: readonly [former: string, then: string]): string {
  return advice.endsWith(former) ? `${advice.slice(0, -former.length)}${then}` : advice;
}
