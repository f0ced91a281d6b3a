/**
 * Lets a child process die with this process, however that ends: also by kill -9 or an uncaught exception, where no
 * handler of ours runs. A shell waits for the end of a pipe that only this process holds open, then kills the child.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';

/** stdin: one line per change, the id of the process to kill, or an empty line for none. $1: a folder to delete, or ''. */
const script = `
pid=
while read -r line; do pid=$line; done
[ -z "$pid" ] || kill -9 "$pid"
[ -z "$1" ] || { sleep 1; rm -rf -- "$1"; }
`;

export class Guard {
  readonly #shell: ChildProcess;

  /** @param folder deleted after the child's death when this process ends without `release`. */
  constructor(folder: string | undefined) {
    // A session of its own: Ctrl-C on the terminal goes to this process, which may still need the broker to drain.
    const shell = spawn('/bin/sh', ['-c', script, 'rollcall-kafka-guard', folder ?? ''], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      cwd: '/',
    });
    // Without a shell there is only `stop` to end the child: a comfort is missing, nothing is broken.
    shell.on('error', () => undefined);
    shell.stdin?.on('error', () => undefined);
    shell.unref();
    this.#shell = shell;
  }

  watch(pid: number | undefined): void {
    this.#shell.stdin?.write(`${pid ?? ''}\n`);
  }

  release(): void {
    this.#shell.kill('SIGKILL');
  }
}
