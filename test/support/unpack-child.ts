/** Unpacks what comes in on standard input, with little memory; says what became of it and how much memory it took. */
import { readFileSync } from 'node:fs';
import { unpack } from '../../src/adapters/kafka/codec/codecs.ts';

const before = process.resourceUsage().maxRSS;
const result = await unpack(Number(process.argv[2]), readFileSync(0)).then(
  ({ length }) => ({ length }),
  (error: Error) => ({ name: error.name, message: error.message }),
);
process.stdout.write(JSON.stringify({ ...result, grownBytes: (process.resourceUsage().maxRSS - before) * 1024 }));
