/** The specification still holds in its small worlds, notices rules that are left out, and its map of the code is true. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { leftOut, small, tryOne } from '../../scripts/spec.ts';
import { fetchTlc, TlcMissingError } from '../../scripts/tlc.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

const rulesFolder = 'test/contract/rules/';

const rows = read('docs/proof.md')
  .split('### Where each rule stands')[1]
  ?.split('\n## ')[0]
  ?.split('\n')
  .flatMap((line) => {
    const [, rule = '', code = '', tests = ''] = /^\| (.+) \| (.*) \| (.*) \|$/.exec(line) ?? [];
    if (rule === '' || rule === 'rule' || rule === '---') return [];
    return [{ rule, code, tests: [...tests.matchAll(/`([\w-]+\.test\.ts)`/g)].map(([, file = '']) => file) }];
  });
const known = new Set(leftOut.map(({ without }) => without));
const ofSpecification = rows?.flatMap(({ rule, tests }) =>
  rule.split(', ').flatMap((name) => (known.has(name) ? [{ name, tests }] : [])),
);

const jar = await fetchTlc(process.env).catch((error: unknown) => {
  if (!(error instanceof TlcMissingError) || process.env.CI === 'true') throw error;
  process.stderr.write(`SKIPPED: ALL RUNS OF THE SPECIFICATION: ${error.message}\n`);
  return null;
});

describe.skipIf(jar === null)('TLC', () => {
  test.each(small)('$configuration without $without', { timeout: 120_000 }, async (trial) => {
    const { found, isAsExpected } = await tryOne(String(jar), trial);
    expect(isAsExpected, found).toBe(true);
  });
});

describe('the map of the code', () => {
  test('has every rule that is left out', () => {
    expect(ofSpecification?.map(({ name }) => name).toSorted()).toEqual([...known].toSorted());
  });

  test.each(rows ?? [])('$rule: $code', ({ code, tests }) => {
    const places = [...code.matchAll(/`([\w/-]+\.ts)`(?: \(([^)]*)\))?/g)];
    expect(places).not.toEqual([]);
    for (const [, file = '', names = ''] of places) {
      const source = read(`src/${file}`);
      for (const [, name] of names.matchAll(/`(\w+)`/g)) {
        expect(source).toMatch(
          new RegExp(
            `^(?:export )?(?:async )?(?:function\\*?|const|class) ${name}\\b|^  (?:async |get )?${name}\\(`,
            'm',
          ),
        );
      }
    }
    expect(tests).not.toEqual([]);
    for (const file of tests) expect(read(rulesFolder + file)).toMatch(/^(?:  )?test/m);
  });

  test.each(ofSpecification ?? [])('a test begins with $name', ({ name, tests }) => {
    expect(tests.some((file) => new RegExp(`['"\`]${name}: `).test(read(rulesFolder + file)))).toBe(true);
  });
});
