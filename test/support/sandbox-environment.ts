// What a command's environment must hold to reach a sandbox.
import { printEnvironment } from '../../src/lab/sandbox/server.ts';
import type { Sandbox } from '../../src/lab/sandbox/sandbox.ts';

export function environmentOf(sandbox: Sandbox): Record<string, string> {
  const lines = printEnvironment(sandbox).trim().split('\n');
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}
