/** What is measured: Rollcall as it is installed, and the peers, each with the settings it gets besides Kafka's and the target's. */
import { buildProgram } from '../run-process.ts';
import type { Environment, Program } from './measured-process.ts';

export interface Subject {
  readonly name: string;
  readonly program: Program;
  readonly environment: Environment;
}

/** The streams of a benchmark turn groups over many times, which no guard would let pass. */
export const NO_GUARD: Environment = {
  GUARD_GROUP_PERCENT: '100',
  GUARD_GROUP_COUNT: '1000000000',
  GUARD_WINDOW_COUNT: '1000000000',
};

/** `rollcall run`, built, without a loader, which would count in its memory and its start. */
export async function rollcall(environment: Environment = {}): Promise<Subject> {
  const program = { file: process.execPath, args: [await buildProgram(), 'run'] };
  return { name: 'rollcall', program, environment: { ADMIN_PORT: '0', ...NO_GUARD, ...environment } };
}
