/** Every command line that the sources print can be typed: its command exists, and so do its options. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SHADOWED, withNamedCommands } from '../../src/core/text/named-commands.ts';
import { readCommandLine } from '../support/command-lines.ts';

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));

/** In backticks, or behind a prompt; comments of the code are no messages. */
function commandLinesIn(text: string): string[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const quoted = [...code.matchAll(/\\?`rollcall ([a-z][^`\\]*)\\?`/g)].map(([, line]) => line ?? '');
  const examples = [...code.matchAll(/(?:\$|&&|\|) rollcall ([a-z][^\n|&>`]*)/g)].map(([, line]) => line ?? '');
  return [...quoted, ...examples].map((line) =>
    line
      .replaceAll(/\$\{[^}]*\}/g, '0123456789ab')
      .replaceAll(' …', ' something')
      .replaceAll('…', '')
      .replace(/ {2,}.*$/, '')
      .trim(),
  );
}

const printed = [...new Set(sources.flatMap((name) => commandLinesIn(readFileSync(join('src', name), 'utf8'))))];

test('there are some of each command', () => {
  for (const name of [
    'held approve',
    'replay now',
    'topics create',
    'apply',
    'plan',
    'report',
    'ingest poll',
    'decode',
  ])
    expect(printed.some((line) => line.startsWith(name))).toBe(true);
});

/** Where prose names a command, what it needs may be left out. */
const isIncomplete = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  ['commander.missingArgument', 'commander.help'].includes(String(error.code));

test.each(printed)('rollcall %s', (line) => {
  try {
    readCommandLine(line);
  } catch (error) {
    if (!isIncomplete(error)) throw error;
  }
});

test.each(printed)('in a shadow: rollcall %s', (line) => {
  const named = withNamedCommands({ isShadow: true }, `Run \`rollcall ${line}\`, or rollcall ${line}`);
  expect(withNamedCommands({}, line)).toBe(line);
  const [name = ''] = line.split(' ');
  const hasNoShadow = ['ingest', 'demo', 'sandbox'].includes(name);
  const shadowed = hasNoShadow ? line : `--shadow ${line}`;
  expect(named).toBe(`Run \`rollcall ${shadowed}\`, or rollcall ${shadowed}`);
  expect(withNamedCommands({ isShadow: true }, named)).toBe(named);
  expect(hasNoShadow).toBe(!SHADOWED.some((each) => each === name));
});

test('in a shadow what is no command stays', () => {
  const text = 'rollcall runs, rollcall has stopped, rollcall.reports, rollcall --help, rollcall reports';
  expect(withNamedCommands({ isShadow: true }, text)).toBe(text);
});
