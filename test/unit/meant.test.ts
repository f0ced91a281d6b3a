import { expect, test } from 'vitest';
import { knownIn, meantBy, type KnownId, type Meant } from '../../src/core/ids/meant.ts';
import { anIntent } from '../support/an-intent.ts';

const UUID = '0A000000-0000-4000-8000-00000000000B';
const one = (...sources: readonly string[]): Meant => ({ kind: 'one', sources: new Set(sources) });
/** `source>target`; an empty side is not known. */
const known = (...pairs: readonly string[]): readonly KnownId[] =>
  pairs.map((pair) => {
    const [source = '', target = ''] = pair.split('>');
    return { source: source === '' ? null : source, target: target === '' ? null : target };
  });

test.each<[string, readonly KnownId[], Meant]>([
  ['nothing names it', known('s>t'), { kind: 'unknown' }],
  ['it is the source’s', known('x>t', 's>u'), one('x')],
  ['it is the source’s, and what the target calls it is not known', known('x>'), one('x')],
  ['it is the target’s', known('s>x', 'r>u'), one('x', 's')],
  ['it is the target’s, and no source names it', known('>x'), one('x')],
  ['both sides call one so', known('x>x'), one('x')],
  ['it is one by each side', known('x>t', 's>x'), { kind: 'two' }],
  ['it is one by each side, the one without a name at the target', known('x>', 's>x'), { kind: 'two' }],
  ['it is one by each side, where records do not agree', known('x>x', 'x>t', 's>x'), { kind: 'two' }],
  ['it is the source’s, and one that only the target knows', known('x>t', '>x'), { kind: 'two' }],
])('an id is meant: %s', (_, ids, meant) => {
  // A group is one group of the source: its own name, or the one that the target calls so.
  const isSource = ids.some(({ source }) => source === 'x');
  const called = ids.flatMap(({ source, target }) => (target === 'x' && source !== null ? [source] : []));
  const ofGroup = meant.kind === 'one' ? one(...(isSource || called.length === 0 ? ['x'] : called)) : meant;
  expect([meantBy('user', 'x', ids), meantBy('group', 'x', ids)]).toEqual([meant, ofGroup]);
});

test('an id of several of the source: members are one user there, groups have changes each', () => {
  const several = known('s>x', 'r>x', 's>x');
  expect(meantBy('user', 'x', several)).toEqual(one('x', 's', 'r'));
  expect(meantBy('group', 'x', several)).toEqual({ kind: 'shared', sources: new Set(['s', 'r']) });
  const alsoSource = known('x>x', 's>x');
  expect(meantBy('user', 'x', alsoSource)).toEqual(one('x', 's'));
  expect(meantBy('group', 'x', alsoSource)).toEqual(one('x'));
});

test('an id is meant in any letter case of a UUID', () => {
  expect(meantBy('user', UUID, known(`s>${UUID}`))).toEqual(one(UUID.toLowerCase(), 's'));
});

test('what is known of waiting changes: the source’s ids, and the target’s where the guard has recorded them', () => {
  const held = { kind: 'held', by: 'group_count', since: 1 } as const;
  const waiting = [
    anIntent({ member: 'a' }),
    anIntent({ member: 'b', guard: held }),
    anIntent({ member: 'c', guard: { ...held, target: 'T', groupTarget: 'G' } }),
    anIntent({ member: 'd', namedBy: 'target' }),
    anIntent({ member: '', op: 'state', whole: { members: [], deleted: false } }),
  ];
  expect([...knownIn('group', waiting)]).toEqual(known('g>', 'g>g', 'g>G', 'g>', 'g>'));
  expect([...knownIn('user', waiting)]).toEqual(known('a>', 'b>b', 'c>T', '>d'));
});
