/** Copies of the service and its simulation, each with one mutant's edits. */
import { cp, mkdir, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mutant } from './mutant.ts';
import type { Sources } from './selector.ts';
import { Selector, withPlaces } from './selector.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Below the project, so that its packages and its package.json are found from there. */
const copies = join(root, '.cache', 'mutants');

/** Where mutants find their code. */
const BROKEN = ['src', 'test/simulation'] as const;
const COPIED = [...BROKEN, 'test/oracle', 'test/support'] as const;
/** What tests need besides; their global setup builds the program. */
const COPIED_FOR_TESTS = [
  'bench',
  'test/contract',
  'test/unit',
  'scripts',
  'vitest.config.ts',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
] as const;

/** The code as it is, read once. */
export class OriginalCode {
  readonly #sources: Sources;
  readonly #selector: Selector;

  private constructor(sources: Sources) {
    this.#sources = sources;
    this.#selector = new Selector(sources);
  }

  static async read(): Promise<OriginalCode> {
    const sources = new Map<string, string>();
    for (const folder of BROKEN) {
      for (const name of await readdir(join(root, folder), { recursive: true })) {
        if (name.endsWith('.ts')) sources.set(`${folder}/${name}`, await readFile(join(root, folder, name), 'utf8'));
      }
    }
    return new OriginalCode(sources);
  }

  /** The files that a mutant changes, with their text as it makes it. */
  brokenBy({ edits }: Pick<Mutant, 'edits'>): Sources {
    const broken = new Map<string, string>();
    const places = edits.map((edit) => this.#selector.placeOf(edit));
    for (const { file } of places) {
      const ofFile = places.filter((place) => place.file === file);
      broken.set(file, withPlaces(this.#sources.get(file) ?? '', ofFile));
    }
    return broken;
  }
}

/** Its path. */
export async function makeBrokenCopy(code: OriginalCode, mutant: Mutant): Promise<string> {
  const copy = join(copies, mutant.name);
  await removeCopy(copy);
  await mkdir(copy, { recursive: true });
  const copied = mutant.tests === undefined ? COPIED : [...COPIED, ...COPIED_FOR_TESTS];
  for (const folder of copied) await cp(join(root, folder), join(copy, folder), { recursive: true });
  if (mutant.tests !== undefined) await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
  for (const [file, text] of code.brokenBy(mutant)) await writeFile(join(copy, file), text);
  return copy;
}

export const removeCopy = (copy: string): Promise<void> => rm(copy, { recursive: true, force: true });
