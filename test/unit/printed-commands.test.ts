/** Every command line that the sources print, or a document names, can be typed: its command exists, and so do its options. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SHADOWED, withNamedCommands } from '../../src/core/text/named-commands.ts';
import { fencedBlocks } from '../support/fenced-blocks.ts';
import { readPartOfCommandLine } from '../support/command-lines.ts';

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

const INCOMPLETE = new Set(['commander.missingArgument', 'commander.optionMissingArgument', 'commander.help']);

/** Where prose names a command, what it needs may be left out. */
const isIncomplete = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && INCOMPLETE.has(String(error.code));

test.each(printed)('rollcall %s', checkCommandLine);

function checkCommandLine(line: string): void {
  try {
    readPartOfCommandLine(line);
  } catch (error) {
    if (!isIncomplete(error)) throw error;
  }
}

const documents = [
  'README.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'ARCHITECTURE.md',
  'docs',
  'examples',
  'bench',
].flatMap((place) =>
  place.endsWith('.md')
    ? [place]
    : readdirSync(place, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.md'))
        .map((name) => join(place, name)),
);

/** In backticks, also over the end of a line, and in blocks of code. */
function commandLinesOf(markdown: string): string[] {
  const blocks = fencedBlocks(markdown)
    .filter(({ language }) => ['bash', 'text'].includes(language))
    .map(({ content }) => content.replaceAll('\\\n', ' '));
  const inBlocks = blocks.flatMap((text) => [...text.matchAll(/(?:^(?:\$ )?|&& |\| )rollcall ([a-z][^|>#&\n]*)/gm)]);
  const prose = markdown.replaceAll(/^```.*?^```$/gms, '');
  const inProse = [...prose.matchAll(/`rollcall\s([a-z][^`|]*)/g)];
  return [...inBlocks, ...inProse].map(([, line = '']) =>
    line
      .replaceAll(/\s+/g, ' ')
      .replaceAll(' …', ' something')
      .replaceAll('…', '')
      .replaceAll(/\b(?:TIME|T)\b/g, '2026-09-21T14:13:20Z')
      // what may be left out, and what stands for a value
      .replaceAll(/[[\]<>]/g, '')
      .trim(),
  );
}

const documented = documents.flatMap((path) =>
  [...new Set(commandLinesOf(readFileSync(path, 'utf8')))].map((line): [string, string] => [path, line]),
);

test('documents: commands are found over the end of a line, too, and in blocks', () => {
  const text = 'Look (`rollcall report --group\nsupport --json`).\n\n```bash\nx && rollcall status | jq .\n```\n';
  expect(commandLinesOf(text)).toEqual(['status', 'report --group support --json']);
  expect(() => checkCommandLine('report --group support --json')).toThrow(/unknown option '--json'/);
  // also where an option is left out that the command requires
  for (const line of ['pause --nonsense', 'undo --nonsense', 'apply-now --nonsense', 'explain --nonsense --member u'])
    expect(() => checkCommandLine(line)).toThrow(/unknown option '--nonsense'/);
  expect(() => checkCommandLine('pause')).not.toThrow();
  expect(documented.length).toBeGreaterThan(100);
});

test.each(documented)('%s: rollcall %s', (_, line) => checkCommandLine(line));

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
