/** What commands do otherwise in a shadow (`SHADOW`). */
import type { Config } from '../config/config.ts';
import { EXIT, ExitError } from '../exit-codes.ts';

/** Of `refuseInShadow`. */
export const WRITES_SOURCE = 'writes to the source topic, which others read';

/** @throws ExitError in a shadow. @param does what the command would do, as `writes to the source topic` */
export function refuseInShadow({ isShadow }: Pick<Config, 'isShadow'>, does: string): void {
  if (!isShadow) return;
  const remedy = 'leave out --shadow, or unset SHADOW, to do so';
  throw new ExitError(EXIT.usage, `a shadow changes no group, and this command ${does}; ${remedy}`);
}

/** Above reports that are shown to people. */
export const NOT_SENT = 'Of a shadow: nothing of this was sent, and no group was changed.';
