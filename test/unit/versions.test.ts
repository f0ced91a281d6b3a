/** Which version `If-Match` names (protocol.md 7.3). */
import { describe, expect, test } from 'vitest';
import {
  afterConflict,
  hasMoved,
  inFormOf,
  readTags,
  versionForms,
  type Versioned,
} from '../../src/core/target/version.ts';

const read = (etag: string | null, meta: unknown, version?: string): Versioned => {
  const tags = readTags(etag, meta);
  return { tags, version: version ?? versionForms(tags)[0] ?? '' };
};

test.each([
  ['header and body agree', '"42"', '42', ['"42"']],
  ['as a number', '"42"', 42, ['"42"']],
  ['no header', null, '42', ['"42"']],
  ['no body', '"42"', null, ['"42"']],
  ['no version', null, null, []],
  ['a suffix', '"42-gzip"', '42', ['"42-gzip"', '"42"']],
  ['a suffix on a weak tag', 'W/"42-gzip"', '42', ['"42-gzip"', '"42"', 'W/"42-gzip"']],
  ['a hash', '"9f86d081"', '42', ['"9f86d081"', '"42"']],
  ['a weak tag', 'W/"42"', 'W/"42"', ['"42"', 'W/"42"']],
  ['a weak tag in the body alone', null, 'W/"42"', ['"42"', 'W/"42"']],
  ['without quotes', '42', '42', ['"42"']],
])('forms: %s', (_, etag, meta, forms) => {
  expect(versionForms(readTags(etag, meta))).toEqual(forms);
});

describe('after a conflict', () => {
  const suspect = read('"42-gzip"', '42');

  test('another version is read as it is', () => {
    expect(afterConflict(read('"43-gzip"', '43'), { tags: suspect.tags, tried: ['"42-gzip"'] })?.version).toBe(
      '"43-gzip"',
    );
  });

  test('the version that was refused is tried in the form that was not', () => {
    expect(afterConflict(suspect, { tags: suspect.tags, tried: ['"42-gzip"'] })?.version).toBe('"42"');
    expect(afterConflict(suspect, { tags: suspect.tags, tried: ['"42"'] })?.version).toBe('"42-gzip"');
    expect(afterConflict(suspect, { tags: suspect.tags, tried: ['"42-gzip"', '"42"'] })).toBeNull();
  });

  test('a header that is not suspect is believed, whatever was refused', () => {
    const strong = read('"42"', '42');
    expect(afterConflict(strong, { tags: strong.tags, tried: ['"42"'] })).toBe(strong);
  });
});

test('the form that was taken is kept, where the newer answer tells it', () => {
  expect(inFormOf(read('"43-gzip"', '43'), read('"42-gzip"', '42', '"42"'))?.version).toBe('"43"');
  expect(inFormOf(read('W/"43"', 'W/"43"'), read('W/"42"', 'W/"42"', 'W/"42"'))?.version).toBe('W/"43"');
  expect(inFormOf(read('"43-gzip"', null), read('"42-gzip"', '42', '"42"'))).toBeNull();
  expect(inFormOf(read('"43"', '43'), read('"42"', '42'))?.version).toBe('"43"');
});

test('a version has moved only where like differs from like', () => {
  expect(hasMoved(read('"42-gzip"', '42'), read('"42"', '42'))).toBe(false);
  expect(hasMoved(read('"42-gzip"', '42'), read(null, '43'))).toBe(true);
  expect(hasMoved(read('"42"', '42'), read('"43"', null))).toBe(true);
  expect(hasMoved(read(null, '42'), read('"43"', null))).toBe(false);
});
