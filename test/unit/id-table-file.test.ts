/** A file of ids: both forms, and each problem with its line. */
import { describe, expect, test } from 'vitest';
import { IdTableFile } from '../../src/adapters/ids/table-file.ts';

function read(...pieces: readonly string[]) {
  const file = new IdTableFile();
  for (const piece of pieces) file.push(piece);
  return file.end();
}

function tableOf(...pieces: readonly string[]) {
  const result = read(...pieces);
  if (!result.ok) throw new Error(result.problem);
  const plain = (entries: ReadonlyMap<string, { id: string; isActive: boolean }>) =>
    Object.fromEntries([...entries].map(([source, { id, isActive }]) => [source, isActive ? id : `${id} (inactive)`]));
  return { user: plain(result.table.user), group: plain(result.table.group) };
}

const problemOf = (...pieces: readonly string[]): string | null => {
  const result = read(...pieces);
  return result.ok ? null : result.problem;
};

describe('CSV', () => {
  test('has users and groups apart, inactive users, and columns in any order', () => {
    const text =
      'genesys_id,type,source_id,active,note\nu1,user,a,true,x\nu2,user,b,false,\nu3,user,c,,\ng1,group,a,true,\n';
    expect(tableOf(text)).toEqual({ user: { a: 'u1', b: 'u2 (inactive)', c: 'u3' }, group: { a: 'g1' } });
  });

  test('needs no column active, and takes quoted ids', () => {
    const text = 'type,source_id,genesys_id\r\nuser,"Doe, Jane ""JD""",u1\r\n';
    expect(tableOf(text)).toEqual({ user: { 'Doe, Jane "JD"': 'u1' }, group: {} });
  });

  test.each([
    [
      'type;source_id;genesys_id\nuser;a;b\n',
      'line 1: the header has no type, no source_id, no genesys_id; it must be',
    ],
    ['type,source_id\nuser,a\n', 'line 1: the header has no genesys_id'],
    ['type,source_id,genesys_id,type\nuser,a,b,user\n', 'line 1: the header names "type" twice'],
    ['type,source_id,genesys_id\nuser,a\n', 'line 2: 2 fields, where the header has 3'],
    ['type,source_id,genesys_id\nuser,a,b\nperson,a,b\n', 'line 3: type must be user or group'],
    ['type,source_id,genesys_id\nuser,,b\n', 'line 2: source_id is empty'],
    [`type,source_id,genesys_id\nuser,a,${'b'.repeat(257)}\n`, 'line 2: genesys_id is longer than 256 characters'],
    ['type,source_id,genesys_id\nuser,"a\nb",c\n', 'line 2: source_id holds a control character'],
    ['type,source_id,genesys_id\ngroup,a,..\n', 'line 2: genesys_id is `.` or `..`, which no path can name'],
    ['type,source_id,genesys_id,active\nuser,a,b,yes\n', 'line 2: active must be true or false'],
    ['type,source_id,genesys_id\nuser,"a,b\n', 'line 3: a quote is not closed'],
  ])('%j: %s', (text, problem) => {
    expect(problemOf(text)).toContain(problem);
  });
});

describe('NDJSON', () => {
  test('is recognized by its first character, in chunks of any size', () => {
    const text =
      '\n{"type":"user","source_id":"a","genesys_id":"u1","team":7}\r\n \t\n{"type":"group","source_id":"Sales","genesys_id":"g1","active":false}';
    const expected = { user: { a: 'u1' }, group: { Sales: 'g1 (inactive)' } };
    expect(tableOf(text)).toEqual(expected);
    expect(tableOf(...text.split(''))).toEqual(expected);
  });

  test.each([
    ['{"type":"user","source_id":"a"}\n', 'line 1: genesys_id must be a text'],
    ['{"type":"user","source_id":"a","genesys_id":"b"}\nnothing\n', 'line 2: a row must be an object'],
    ['{"type":"user","source_id":1,"genesys_id":"b"}\n', 'line 1: source_id must be a text'],
    ['{"type":"user","source_id":"a","genesys_id":"b","active":"no"}\n', 'line 1: active must be true or false'],
    [`{"x":"${'y'.repeat(70_000)}`, 'line 1: the line is longer than 65536'],
  ])('%j: %s', (text, problem) => {
    expect(problemOf(text)).toContain(problem);
  });

  test('a line without an end is given up before it is all there', () => {
    const file = new IdTableFile();
    file.push('{');
    for (let pieces = 0; pieces < 2; pieces += 1) file.push('x'.repeat(50_000));
    expect(file.isWrong).toBe(true);
    expect(file.end()).toMatchObject({ ok: false, problem: expect.stringContaining('line 1: the line is longer') });
  });
});

test('one source id with two targets names both lines; said twice the same it is no problem', () => {
  const row = (source: string, id: string): string => `user,${source},${id}\n`;
  const header = 'type,source_id,genesys_id\n';
  expect(problemOf(header + row('a', 'u1') + row('b', 'u1') + row('a', 'u2'))).toBe(
    'line 4: user "a" is "u2" here and "u1" in line 2: keep one of the two',
  );
  expect(tableOf(header + row('a', 'u1') + row('b', 'u1') + row('a', 'u1')).user).toEqual({ a: 'u1', b: 'u1' });
});

test.each(['', '\n \n', 'type,source_id,genesys_id\n'])('id table: %j names no id, so it is no table', (text) => {
  expect(problemOf(text)).toBe('the file names no id');
});
