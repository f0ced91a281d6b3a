/** Who asks for something in an operator's command: it stands in reports. */
import { isId } from '../core/change/change.ts';
import { AUTHOR_LENGTH_MAX } from '../core/log/request-record.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { CommandContext } from './command-context.ts';

/** Of each command that asks, what its author does. */
const DOES = {
  'apply-now': 'asks for it',
  held: 'decides',
  pause: 'pauses',
  resume: 'resumes',
  resync: 'repairs',
  rewind: 'rewinds',
  undo: 'undoes it',
} as const;

/** @param command whose name an error begins with. @param flag that gives the name. @throws ExitError where neither the flag nor the environment names one. */
export function authorOf(
  command: keyof typeof DOES,
  author: string | undefined,
  { environment }: Pick<CommandContext, 'environment'>,
  flag = '--author',
): string {
  const name = author ?? environment['USER'] ?? '';
  if (isId(name)) return name;
  const most = `up to ${AUTHOR_LENGTH_MAX} characters, none of them a control character, and neither \`.\` nor \`..\``;
  throw new ExitError(EXIT.usage, `${command}: say who ${DOES[command]}: ${flag} <name>, ${most}`);
}
