import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { mutants } from '../mutants/catalogue.ts';
import { applied } from '../mutants/mutant.ts';

test.each(mutants.map(({ name, edits }) => [name, edits] as const))(
  'the mutant %s fits the code as it is',
  (_, edits) => {
    for (const edit of edits) {
      const text = readFileSync(new URL(`../../${edit.file}`, import.meta.url), 'utf8');
      expect(applied(edit, text)).not.toBe(text);
    }
  },
);
