import { expect, test } from 'vitest';
import { Selector, withPlaces } from '../mutants/selector.ts';

const EDIT = { find: 'if (doubt !== null) wait(doubt.until);', replace: 'if (doubt !== null) forget(doubt);' };

/** What the edit makes of files with these texts; those that stay as they are come to null. */
function broken(edit: typeof EDIT, ...texts: readonly string[]): readonly (string | null)[] {
  const place = new Selector(new Map(texts.map((text, index) => [`${index}.ts`, text]))).placeOf(edit);
  return texts.map((text, index) => (place.file === `${index}.ts` ? withPlaces(text, [place]) : null));
}

test('code is found in whichever file it stands', () => {
  expect(broken(EDIT, 'start();', 'begin();\nif (doubt !== null) wait(doubt.until);\nend();')).toEqual([
    null,
    'begin();\nif (doubt !== null) forget(doubt);\nend();',
  ]);
});

test('line breaks and comments between the tokens do not matter', () => {
  const text = 'if (doubt !== null)\n  // It ends.\n  wait( doubt.until );';
  expect(broken(EDIT, text)).toEqual(['if (doubt !== null) forget(doubt);']);
});

test('renamed code is found, and its new names stand in what takes its place', () => {
  const text = 'if (doubt !== null) hold(doubt.endsAt);';
  const edit = { find: EDIT.find, replace: 'if (doubt === null) wait(doubt.until, nowMs);' };
  expect(broken(edit, text)).toEqual(['if (doubt === null) hold(doubt.endsAt, nowMs);']);
  expect(() => broken(edit, 'if (pause !== null) hold(pause.endsAt);')).toThrow('no longer fits');
});

test('a name stands for one name throughout, and two names for two', () => {
  expect(() => broken(EDIT, 'if (doubt !== null) wait(other.until);')).toThrow('no longer fits');
  expect(() => broken(EDIT, 'if (doubt !== null) doubt(doubt.until);')).toThrow('no longer fits');
});

test('other values, operators and structures do not fit', () => {
  const literal = { find: "say('yes', 1);", replace: '' };
  for (const text of ["say('no', 1);", "say('yes', 2);", "say('yes');", "say('yes', 1, 2);", "say['yes', 1];"]) {
    expect(() => broken(literal, text)).toThrow('no longer fits');
  }
});

test('of several places the one with most names alike is meant', () => {
  const texts = ['if (a !== null) b(a.c);', 'if (doubt !== null) hold(doubt.until);', 'if (a !== null) wait(a.c);'];
  expect(broken(EDIT, ...texts)).toEqual([null, 'if (doubt !== null) forget(doubt);', null]);
});

test('two places that fit equally well are an error that names both', () => {
  const texts = ['if (doubt !== null) hold(doubt.until);', 'if (doubt !== null) stay(doubt.until);'];
  expect(() => broken(EDIT, ...texts)).toThrow('0.ts and 1.ts equally well');
});

test('names within templates are translated, text within strings is not', () => {
  const edit = { find: 'log(`at ${place}`, "place");', replace: 'log(`near ${place}`, "place");' };
  expect(broken(edit, 'log(`at ${where}`, "place");')).toEqual(['log(`near ${where}`, "place");']);
});
