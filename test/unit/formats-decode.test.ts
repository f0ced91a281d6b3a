import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodeFile, decodedLine, type DecodeFlags } from '../../src/commands/decode.ts';
import { ConfigError } from '../../src/config/problem.ts';
import { EXIT, ExitError } from '../../src/exit-codes.ts';
import { hint, invalid, skip } from '../../src/formats/reading/reading.ts';
import { aContext } from '../support/command-context.ts';
import { added, groupDeleted } from '../support/source-records.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rollcall-decode-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function written(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

async function decode(stdin: string, flags: Partial<DecodeFlags> = {}, environment: Record<string, string> = {}) {
  const context = aContext({ stdin, environment });
  const code = await decodeFile('-', { partitions: 1, ...flags }, context);
  const lines = context
    .out()
    .split('\n')
    .filter((line) => line !== '');
  return { code, err: context.err(), lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

const native = { topic: 't', key: 'g', headers: {}, value: { group_id: 'g', add_members: ['u'] } };

describe('the lines of a file', () => {
  test('are records, one answer each, exactly in the documented form', async () => {
    const { code, lines } = await decode(
      `${JSON.stringify(native)}\n\n${JSON.stringify({ ...native, value: null })}\n`,
    );
    expect(code).toBe(EXIT.done);
    const change = {
      group: 'g',
      add: ['u'],
      remove: [],
      members: [],
      complete: false,
      deleted: false,
      event_id: null,
      occurred_at: null,
    };
    expect(lines).toEqual([
      { kind: 'delta', changes: [change], reason: null, format: 'native' },
      { kind: 'skip', changes: [], reason: 'tombstone', format: 'native' },
    ]);
  });

  test('may be wrapped, have their value as text, and headers as kcat prints them', async () => {
    const text = { ...native, value: JSON.stringify(native.value) };
    const outbox = { value: { groupId: 'g', userId: 'u' }, headers: ['id', 'e-1', 'eventType', 'MemberAdded'] };
    const wrapped = await decode(`${JSON.stringify({ expect: '', record: text })}\n`);
    expect(wrapped.lines).toMatchObject([{ kind: 'delta', changes: [{ add: ['u'] }] }]);
    const { lines } = await decode(JSON.stringify(outbox), { format: 'debezium' });
    expect(lines).toMatchObject([{ changes: [{ event_id: 'e-1' }] }]);
  });

  test('that are no records are named, the others go on', async () => {
    const bad = ['nonsense', '5', '{"key":"g"}', '{"value":{},"headers":5}', '{"value":{},"headers":["a"]}'];
    const { code, lines, err } = await decode([JSON.stringify(native), ...bad, JSON.stringify(native)].join('\n'));
    expect(code).toBe(EXIT.someFailed);
    expect(lines).toHaveLength(2);
    expect(err.match(/^line \d+/gm)).toEqual(['line 2', 'line 3', 'line 4', 'line 5', 'line 6']);
  });

  test('may begin with one that is none', async () => {
    const { code, lines, err } = await decode(`nonsense\n${JSON.stringify(native)}\n`);
    expect([code, lines.length]).toEqual([EXIT.someFailed, 1]);
    expect(err).toContain('line 1:');
  });
});

test('a file may be one record over several lines', async () => {
  expect((await decode(JSON.stringify({ record: native }, null, 2))).lines).toMatchObject([{ kind: 'delta' }]);
});

test('a file that cannot be read is a usage error', async () => {
  const reading = decodeFile(join(folder, 'none'), { partitions: 1 }, aContext());
  await expect(reading).rejects.toThrow(ExitError);
});

test('a native record without a key is invalid on more than one partition', async () => {
  const keyless = JSON.stringify({ value: native.value });
  expect((await decode(keyless)).lines).toMatchObject([{ kind: 'delta' }]);
  expect((await decode(keyless, { partitions: 2 })).lines).toMatchObject([{ kind: 'invalid', code: 'unkeyed' }]);
});

describe('the format', () => {
  test('comes from the environment, or from the command line before it', async () => {
    const record = JSON.stringify({ value: { resourceType: 'GROUP', operationType: 'UPDATE' } });
    expect((await decode(record, {}, { SOURCE_FORMAT: 'keycloak' })).lines).toMatchObject([{ kind: 'skip' }]);
    expect((await decode(record, { format: 'okta' }, { SOURCE_FORMAT: 'keycloak' })).lines).toMatchObject([
      { kind: 'invalid', format: 'okta' },
    ]);
  });

  test('is reported per record where it has to be found', async () => {
    const other = {
      value: { resourcePath: 'users/u/groups/g', resourceType: 'GROUP_MEMBERSHIP', operationType: 'CREATE' },
    };
    const { lines } = await decode([native, other, { value: { a: 1 } }].map((one) => JSON.stringify(one)).join('\n'), {
      format: 'auto',
    });
    expect(lines.map(({ format }) => format)).toEqual(['native', 'keycloak', null]);
  });

  test('mapping reads its file, and says what is wrong with it', async () => {
    const mapping = written('mapping.json', {
      version: 1,
      group: '$.team',
      members: '$.people[*]',
      operation: { always: 'state' },
    });
    const record = JSON.stringify({ value: { team: 't', people: ['p'] } });
    expect((await decode(record, { format: 'mapping', mapping })).lines).toMatchObject([
      { kind: 'state', changes: [{ group: 't', members: ['p'], complete: true, deleted: false }], format: 'mapping' },
    ]);
    await expect(decode(record, { format: 'mapping' })).rejects.toThrow(/MAPPING_FILE is missing/);
    const broken = written('broken.json', { version: 1, group: 'x', operation: { always: 'put' } });
    await expect(decode(record, { format: 'mapping', mapping: broken })).rejects.toThrow(ConfigError);
    await expect(decode(record, { format: 'mapping', mapping: broken })).rejects.toThrow(/`group`[^]*`operation/);
  });
});

describe('a record with several events', () => {
  test('is what changes most, and says what the others are', () => {
    const delta = added('g', ['u']);
    const line = decodedLine(
      [skip('not_successful'), delta, invalid('schema', 'Bad.'), hint('truncate', 'Look.')],
      'okta',
    );
    expect(line).toMatchObject({
      kind: 'delta',
      changes: [{ group: 'g' }],
      reason: 'event 0: skip: not_successful; event 2: invalid: Bad.; event 3: hint: Look.',
    });
    expect(decodedLine([delta, groupDeleted('g')], null)).toMatchObject({ kind: 'state', reason: null });
    expect(decodedLine([skip('a'), invalid('schema', 'Bad.')], null)).toMatchObject({
      kind: 'invalid',
      code: 'schema',
    });
    expect(decodedLine([invalid('schema', 'Bad.'), hint('h', 'Look.')], null)).toMatchObject({
      kind: 'hint',
      code: 'h',
    });
    expect(decodedLine([skip('a'), skip('b')], null)).toMatchObject({
      kind: 'skip',
      reason: 'event 0: skip: a; event 1: skip: b',
    });
  });
});
