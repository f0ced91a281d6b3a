import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { configurationFiles } from '../../scripts/generate-config-table.ts';
import { names } from '../../src/config/variables.ts';

const root = new URL('../../', import.meta.url);

test.for([...configurationFiles()])('%s says what the code does (else: npm run config-table)', ([path, content]) => {
  expect(readFileSync(new URL(path, root), 'utf8')).toBe(content);
});

test('the example of an environment names every variable', () => {
  const example = configurationFiles().get('.env.example') ?? '';
  expect(names.filter((name) => !new RegExp(`^#?${name}=`, 'm').test(example))).toEqual([]);
});
