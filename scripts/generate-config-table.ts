/** Writes what explains the configuration: `npm run config-table`. A unit test fails when it is stale. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { names, parts, variables } from '../src/config/variables.ts';

const root = new URL('../', import.meta.url);
const PAGE = 'docs/reference.md';

/** Path from the project's root → content. */
export const configurationFiles = (): ReadonlyMap<string, string> =>
  new Map([
    [PAGE, pageWithTable(readFileSync(new URL(PAGE, root), 'utf8'))],
    ['.env.example', environmentExample()],
  ]);

const BEGIN = '<!-- configuration: written by `npm run config-table` from src/config/variables.ts -->\n';
const END = '<!-- end of configuration -->';

function pageWithTable(page: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${PAGE} has no place for the configuration table`);
  return page.slice(0, begin + BEGIN.length) + configurationTable() + page.slice(end);
}

function configurationTable(): string {
  const rows = entries().map(
    ({ name, about, initial, isDemanded }) =>
      `| \`${name}\` | ${isDemanded ? '**needed**' : initial === null ? '' : `\`${initial}\``} | ${about} |`,
  );
  return ['| variable | default | what it is |', '| --- | --- | --- |', ...rows, ''].join('\n');
}

function environmentExample(): string {
  const sections = Object.entries(parts).map(([part, { title }]) => {
    const lines = entries()
      .filter((entry) => entry.part === part)
      .map(({ name, about, initial, isDemanded, example }) => {
        const assignment = `${name}=${initial ?? example}`;
        return `# ${about.replaceAll('`', '')}\n${isDemanded ? assignment : `#${assignment}`}`;
      });
    return [`## ${title}`, ...lines].join('\n');
  });
  return (
    ['# What is commented out is the default, or an example where there is none.', ...sections].join('\n\n') + '\n'
  );
}

const entries = () =>
  names.map((name) => {
    const variable = variables[name];
    const about = variable.kind === 'secret' ? `${variable.about} (or \`${name}_FILE\`)` : variable.about;
    return { ...variable, about };
  });

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, content] of configurationFiles()) writeFileSync(new URL(path, root), content);
}
