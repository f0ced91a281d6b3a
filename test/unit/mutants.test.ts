import { expect, test } from 'vitest';
import { OriginalCode } from '../mutants/broken-copy.ts';
import { mutants } from '../mutants/catalogue.ts';

const code = await OriginalCode.read();

test.each(mutants.map(({ name, edits }) => [name, edits] as const))(
  'the mutant %s fits the code as it is',
  (_, edits) => {
    for (const edit of edits) expect(code.brokenBy({ edits: [edit] }).size).toBe(1);
  },
);
