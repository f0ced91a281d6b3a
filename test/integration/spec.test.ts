/** The specification still holds in its small worlds, notices rules that are left out, and its map of the code is true. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { leftOut, small, tryOne } from '../../scripts/spec.ts';
import { fetchTlc, TlcMissingError } from '../../scripts/tlc.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

const rulesFolder = 'test/contract/rules/';
const ruleTests = readdirSync(new URL(rulesFolder, root)).map((file) => read(rulesFolder + file));

const rows = read('spec/README.md')
  .split('## Where each rule stands in the code')[1]
  ?.split('\n')
  .flatMap((line) => {
    const [, rules, code] = /^\| ([a-z][\w-]*(?:, [\w-]+)*) \| (.*) \|$/.exec(line) ?? [];
    return rules === undefined || code === undefined || rules === 'rule' ? [] : [{ rules: rules.split(', '), code }];
  });

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
  test('has every rule that is left out, and no other', () => {
    expect(rows?.flatMap(({ rules }) => rules).toSorted()).toEqual(leftOut.map(({ without }) => without).toSorted());
  });

  test.each(rows ?? [])('$rules: $code', ({ code }) => {
    const places = [...code.matchAll(/`([\w/-]+\.ts)`(?: \(([^)]*)\))?/g)];
    expect(places).not.toEqual([]);
    for (const [, file = '', names = ''] of places) {
      const source = read(`src/${file}`);
      for (const [, name] of names.matchAll(/`(\w+)`/g)) {
        expect(source).toMatch(new RegExp(`^(?:export )?(?:async )?(?:function|const) ${name}\\b`, 'm'));
      }
    }
  });

  test.each(leftOut)('a test begins with $without', ({ without }) => {
    expect(ruleTests.some((source) => new RegExp(`['"\`]${without}: `).test(source))).toBe(true);
  });
});
