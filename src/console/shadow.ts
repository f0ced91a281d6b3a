/** What commands do otherwise in a shadow (`SHADOW`). */
import type { Config } from '../config/config.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { CommandContext } from './command-context.ts';

/** Of `refuseInShadow`. */
export const WRITES_SOURCE = 'writes to the source topic, which others read';

/** @throws ExitError in a shadow. @param does what the command would do, as `writes to the source topic` */
export function refuseInShadow({ isShadow }: Pick<Config, 'isShadow'>, does: string): void {
  if (!isShadow) return;
  const remedy = 'leave out --shadow, or unset SHADOW, to do so';
  throw new ExitError(EXIT.usage, `a shadow changes no group, and this command ${does}; ${remedy}`);
}

/** @returns an error that names commands, with a line that says how they are meant: without the option they are about the real service. */
export const withShadowHint = (text: string, { environment }: Pick<CommandContext, 'environment'>): string =>
  environment['SHADOW'] === 'true' && text.includes('`rollcall ')
    ? `${text}\nOf the shadow: give these commands --shadow, too.`
    : text;
