/** The images, which cannot be built here: only the target `lab` has dist/lab, and Compose takes it where it is needed. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import packageJson from '../../package.json' with { type: 'json' };

const root = fileURLToPath(new URL('../../', import.meta.url));
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Stage {
  readonly name: string;
  readonly base: string;
  readonly instructions: readonly string[];
}

const stages: readonly Stage[] = textOf('Dockerfile')
  .replaceAll('\\\n', ' ')
  .split(/^(?=FROM )/m)
  .slice(1)
  .map((text) => {
    const [from = '', ...rest] = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const [, base = '', name = ''] = /^FROM (\S+) AS (\w+)$/.exec(from) ?? [];
    return { name, base, instructions: rest };
  });

/** What the target has, with what it has of those that it is made from. */
function instructionsOf(target: string): readonly string[] {
  const stage = stages.find(({ name }) => name === target);
  return stage === undefined ? [] : [...instructionsOf(stage.base), ...stage.instructions];
}

const copiesOf = (target: string): readonly string[] =>
  instructionsOf(target).filter((line) => /^(?:COPY|ADD) /.test(line));

const service = ['package.json ./', 'node_modules ./node_modules', 'dist ./dist'].map(
  (each) => `COPY --from=build /build/${each}`,
);

test('the image that is made when no target is named is that for production', () => {
  expect(stages.map(({ name }) => name)).toEqual(['build', 'service', 'lab', 'production']);
  expect(textOf('.github/workflows/release.yml')).toContain('docker build --target production ');
});

test('the build takes the lab out of dist', () => {
  const [build = ''] = instructionsOf('build').filter((line) => line.includes('npm run build'));
  expect(build).toMatch(/^RUN npm run build && mv dist\/lab lab && /);
});

test('the image for production is without the lab, and the target lab has it besides', () => {
  expect(copiesOf('production')).toEqual(service);
  expect(copiesOf('lab')).toEqual([...service, 'COPY --from=build /build/lab ./dist/lab']);
  const others = (target: string) => instructionsOf(target).filter((line) => !line.startsWith('COPY '));
  expect(others('lab')).toEqual(others('production'));
});

interface Service {
  readonly build?: { readonly context: string; readonly target: string };
  readonly image: string;
  readonly command: readonly string[];
}

test.each([
  ['docker-compose.yml', '.'],
  ['examples/keycloak-debezium/docker-compose.yml', undefined],
  // It is added to the one of the repository, whose folder counts.
  ['examples/okta-webhook/docker-compose.yml', '.'],
])('%s: the emulator is of the target lab, the rest of that for production', (path, folder = dirname(path)) => {
  const { services } = parse(textOf(path), { merge: true }) as { readonly services: Readonly<Record<string, Service>> };
  const built = Object.values(services).flatMap(({ build, image, command }) =>
    build === undefined ? [] : [{ ...build, image, command: command[0] ?? '' }],
  );
  expect(built.length).toBeGreaterThan(0);
  for (const { context, target, image, command } of built) {
    const isOfLab = ['sandbox', 'demo'].includes(command);
    expect(target, command).toBe(isOfLab ? 'lab' : 'production');
    expect(image, command).toBe(`rollcall${isOfLab ? '-lab' : ''}:${packageJson.version}`);
    expect(existsSync(join(root, folder, context, 'Dockerfile')), context).toBe(true);
  }
});
