/** What is measured: Rollcall as it is installed, and the peers, each with its settings besides Kafka's and the target's. */
import { kafkaCacheDirectory } from '../../src/lab/kafka-broker/fetch.ts';
import type { Bench } from '../part.ts';
import { preparePeer, type PeerName } from '../peers/peers.ts';
import { SetupError } from '../peers/setup.ts';
import type { Environment, Program } from './measured-process.ts';
import { buildProgram } from './program.ts';
import { NO_GUARD } from './workload.ts';

export interface Subject {
  /** It may end wrong, and is marked so; of Rollcall, figures of a wrong end would mean nothing. */
  readonly isPeer: boolean;
  readonly program: Program;
  readonly environment: Environment;
}

/** `rollcall run`, built, without a loader, which would count in its memory and its start. @throws SetupError beyond Linux. */
export async function rollcall(environment: Environment = {}): Promise<Subject> {
  if (process.platform !== 'linux')
    throw new SetupError('Processor time and memory of a process are read from /proc.', 'Use Linux.');
  const program = { file: process.execPath, args: [await buildProgram(), 'run'] };
  return { isPeer: false, program, environment: { ADMIN_PORT: '0', ...NO_GUARD, ...environment } };
}

/** @throws SetupError where what it needs is not there. */
export async function peer(name: PeerName, environment: Environment = {}): Promise<Subject> {
  const logger = { info: (_: object, message: string) => void process.stderr.write(`${message}\n`) };
  const program = await preparePeer(name, { cacheDirectory: kafkaCacheDirectory(process.env), logger });
  return { isPeer: true, program, environment };
}

export interface PeerSubject {
  readonly name: PeerName;
  readonly subject: Subject;
}

/** Those that this machine can run; the others are skipped. */
export async function peersOnHand(bench: Bench, names: readonly PeerName[]): Promise<readonly PeerSubject[]> {
  const found: PeerSubject[] = [];
  for (const name of names) {
    try {
      found.push({ name, subject: await peer(name) });
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      bench.skip(name, error.message);
    }
  }
  return found;
}
