/**
 * The programs that Rollcall is measured beside. All take their settings from the environment, read the source topic from
 * its beginning, and end with exit code 0 at SIGTERM; `raw-requests` ends by itself.
 *
 * `batch`, `naive` (TypeScript), `seed` (Python) and `parallel-consumer` (Java) do Rollcall's work. `raw-requests` and
 * `raw-intake` are limits: the requests, and the records in and out, without the work.
 */
import type { Program } from '../world/measured-process.ts';
import { prepareJava } from './java.ts';
import { preparePython } from './python.ts';
import type { PeerContext } from './setup.ts';
import { prepareTypescript } from './typescript.ts';

export type PeerName = 'batch' | 'naive' | 'seed' | 'parallel-consumer' | 'raw-requests' | 'raw-intake';

/** Builds what is not built yet, and returns what to spawn. @throws SetupError where this machine lacks something. */
export async function preparePeer(name: PeerName, context: PeerContext): Promise<Program> {
  switch (name) {
    case 'seed':
      return preparePython(context);
    case 'parallel-consumer':
      return prepareJava(context);
    case 'batch':
    case 'naive':
    case 'raw-requests':
    case 'raw-intake':
      return prepareTypescript(name);
  }
}
