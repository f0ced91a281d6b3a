/** Exit codes of `rollcall` (sysexits.h where it has a name for the case). A command ends with one, or throws an ExitError. */

export const EXIT = {
  done: 0,
  someFailed: 1,
  usage: 64,
  unavailable: 69,
  internal: 70,
  configuration: 78,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const exitCodesHelp = `Exit codes:
  0   done
  1   something is left: it failed, is held, waits or was not found; or a second signal ended it
  64  usage: the command line cannot be understood
  69  unavailable: the target, the brokers, a topic or a disk cannot be used
  70  internal error
  78  configuration: a variable is missing or wrong, or credentials are refused`;

/** Ends the command; the message, which names the remedy, is all that the user sees. */
export class ExitError extends Error {
  override readonly name = 'ExitError';
  readonly code: ExitCode;

  constructor(code: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
