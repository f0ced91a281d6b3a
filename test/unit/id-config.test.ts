/** The configuration of the id map. */
import { expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/problem.ts';

const read = (environment: Record<string, string>) =>
  readConfig(environment, ['ids', 'topics'], () => {
    throw new Error('no file is read for the configuration');
  }).ids;

function problemsOf(environment: Record<string, string>) {
  try {
    read(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

test('without a word ids are those of Genesys Cloud', () => {
  expect(read({})).toEqual({ source: { kind: 'none' }, userAttribute: 'externalId', groupAttribute: 'displayName' });
});

test.each([
  ['none', { kind: 'none' }],
  ['scim', { kind: 'scim' }],
  ['file:/etc/rollcall/ids.csv', { kind: 'file', path: '/etc/rollcall/ids.csv' }],
  ['file:C:\\ids.csv', { kind: 'file', path: 'C:\\ids.csv' }],
  ['topic:rollcall.ids', { kind: 'topic', topic: 'rollcall.ids' }],
])('ID_MAP=%s', (value, source) => {
  expect(read({ ID_MAP: value }).source).toEqual(source);
});

test.each(['csv', 'file:', 'file', 'topic:', 'SCIM', 'scim:x', 'none '])('ID_MAP=%s is none of the forms', (value) => {
  expect(problemsOf({ ID_MAP: value })).toEqual([
    { variable: 'ID_MAP', problem: 'must be none, scim, file:PATH or topic:NAME', example: 'none' },
  ]);
});

test('a topic needs a name that Kafka allows, and one of its own', () => {
  expect(problemsOf({ ID_MAP: 'topic:a b' })[0]?.problem).toContain('NAME must be a topic name');
  expect(problemsOf({ ID_MAP: 'topic:people', SOURCE_TOPIC: 'people' })).toEqual([
    {
      variable: 'ID_MAP',
      problem: 'must not name the topic of SOURCE_TOPIC: its records are no ids',
      example: 'topic:rollcall.ids',
    },
  ]);
});

test('ID_MAP: all problems are reported together, each with an example', () => {
  const problems = problemsOf({ ID_MAP: 'ldap', ID_MAP_USER_ATTRIBUTE: 'mail', ID_MAP_GROUP_ATTRIBUTE: 'name' });
  expect(problems.map(({ variable, example }) => `${variable}=${example}`)).toEqual([
    'ID_MAP=none',
    'ID_MAP_USER_ATTRIBUTE=externalId',
    'ID_MAP_GROUP_ATTRIBUTE=displayName',
  ]);
});
