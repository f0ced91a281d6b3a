/**
 * How a text names commands where it leaves the process. Of a shadow each has `--shadow` (protocol.md 15): without it the command would be
 * about the real service, whose changes have the same ids and digests.
 */

/** Of the service that says so. Absent: it is the real one. */
export interface Speaker {
  readonly isShadow?: boolean;
}

/** Those that look at one service, or refuse to work in a shadow. `ingest` has no shadow: what it names is there once. */
export const SHADOWED = [
  'plan',
  'apply',
  'decode',
  'topics',
  'doctor',
  'run',
  'report',
  'replay',
  'pause',
  'resume',
  'apply-now',
  'retry-now',
  'status',
  'explain',
  'diff',
  'resync',
  'undo',
  'rewind',
  'held',
] as const;

const COMMAND = new RegExp(`\\brollcall (?=(?:${SHADOWED.join('|')})\\b)`, 'g');

/** Applied twice it says the same. @param text for people, or JSON */
export const withNamedCommands = ({ isShadow }: Speaker, text: string): string =>
  isShadow === true ? text.replaceAll(COMMAND, 'rollcall --shadow ') : text;
