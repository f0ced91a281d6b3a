/** Begins a new file at the path that it is given, says so, and exits at the first byte on standard input. */
import { writeNewPrivateFile } from '../../src/adapters/private-file.ts';

const [, , path = ''] = process.argv;
await writeNewPrivateFile(path, new AbortController().signal, async (file) => {
  await file.append('half');
  process.stdin.once('data', () => process.exit(1));
  process.stdout.write('begun');
  await new Promise(() => undefined);
});
