/**
 * Room lab: what no service runs: demo, sandbox, brokers as child processes.
 * Not here: anything that a service needs: images for production are without it.
 *
 * Its commands behind one import, so that the built program has all that is theirs alone in `dist/lab`.
 */
export { demoCommand } from './commands/demo.ts';
export { sandboxCommand } from './commands/sandbox.ts';
