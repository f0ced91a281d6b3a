/** How a remedy goes on: the change waits and lands by itself, or it was given up, and an operator has to try it again. */
import { quotedForShell } from './visible.ts';

export const BY_ITSELF = '; it lands by itself then.';

const replay = (id: string): string => `wake it with \`rollcall replay now --id ${quotedForShell(id)} --yes\`.`;

/** In the service: what was given up stays in the retry topic, and nothing wakes it but a replay. */
export const thenReplay = (advice: string, id: string): string =>
  advice.endsWith(BY_ITSELF)
    ? `${advice.slice(0, -BY_ITSELF.length)}; then ${replay(id)}`
    : `${advice} Then ${replay(id)}`;

/** In `apply`, whose log ends with it. */
export const thenApply = (advice: string, id: string): string =>
  advice.endsWith(replay(id)) ? `${advice.slice(0, -replay(id).length)}apply the file again.` : advice;
