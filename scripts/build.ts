/** `npm run build`: the program, into `dist`. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buildProgram } from './build/program.ts';

const folder = join(import.meta.dirname, '../dist');
await rm(folder, { recursive: true, force: true });
await buildProgram(folder);
