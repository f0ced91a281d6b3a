/** What `rollcall doctor` says of one thing that it tried. */
import { readConfig, type Config } from '../config/config.ts';
import { ConfigError } from '../config/problem.ts';
import type { Part } from '../config/variables.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { IdMapFinding } from './doctor-id-map.ts';
import type { CommandContext } from './command-context.ts';
import { readText } from './kafka-tools.ts';

export type Check =
  | 'configuration'
  | 'brokers'
  | 'access'
  | 'topics'
  | 'records'
  | 'ids'
  | 'token'
  | 'permission'
  | 'limits';

export interface Finding {
  readonly check: Check;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly message: string;
  readonly advice: string | null;
}

export interface Judged extends Finding {
  /** What a `fail` exits with. */
  readonly exit: ExitCode;
}

export const ok = (check: Check, message: string): Judged => ({
  check,
  status: 'ok',
  message,
  advice: null,
  exit: EXIT.done,
});
export const warn = (check: Check, message: string, advice: string): Judged => ({
  ...ok(check, message),
  status: 'warn',
  advice,
});
export const fail = (check: Check, exit: ExitCode, message: string, advice: string): Judged => ({
  check,
  status: 'fail',
  message,
  advice,
  exit,
});

/** null: the part has a problem, which configurationFindings reports; a part without one is tried. */
export function configOf<P extends Part>(context: CommandContext, parts: readonly P[]): Config<P> | null {
  try {
    return readConfig(context.environment, parts, readText);
  } catch (error) {
    if (error instanceof ConfigError) return null;
    throw error;
  }
}

export const judgeIds = (findings: readonly IdMapFinding[], exit: ExitCode): Judged[] =>
  findings.map((finding) => ({ ...finding, check: 'ids', exit }));
