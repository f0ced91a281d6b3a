/** Valid input → input that is nearly so: where readers are weak. */
import type { SeededRandom } from '../support/random.ts';

export const ODD_TEXTS: readonly string[] = [
  '',
  ' ',
  '.',
  '..',
  '/',
  '%00',
  '\u0000',
  '\u0000rollcall.fence',
  '\u0000rollcall.request.00000000-0000-0000-0000-000000000000',
  '\uD800',
  'a\uDFFF',
  '\uFEFFg',
  '\u2028',
  '\u0085',
  'é',
  'e\u0301',
  '👩‍🚀',
  '"',
  '\\',
  '"] or members[value eq "',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'null',
  'NaN',
  '-0',
  '1e999',
  '<script>',
  '${jndi:ldap://x}',
  '\r\nX-Injected: 1',
  'x'.repeat(256),
  'x'.repeat(257),
  'é'.repeat(256),
];

/** Epochs of 15 and 16 digits, the ends of the integer types, times far away. */
export const ODD_NUMBERS: readonly number[] = [
  0,
  -0,
  -1,
  0.5,
  -0.001,
  1e-300,
  1e15 - 1,
  1e15,
  1e16,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  1e21,
  1e308,
  -1e308,
  8_640_000_000_000_000,
  8_640_000_000_000_001,
  253_402_300_800_000,
  1_790_000_000_000,
];

export const oddText = (random: SeededRandom): string =>
  random.oneIn(300)
    ? random.pick(['x', 'é', '\uD800', '\u0000']).repeat(1 + random.below(300_000))
    : random.pick(ODD_TEXTS);

export const digits = (random: SeededRandom): string =>
  random.pick(['', '-', '+', ' ']) +
  Array.from({ length: 1 + random.below(20) }, () => random.below(10)).join('') +
  random.pick(['', '', '.5', 'e9']);

/** Any JSON value, some of them deep, wide or long. */
function oddValue(random: SeededRandom): unknown {
  switch (random.below(9)) {
    case 0:
      return null;
    case 1:
      return random.oneIn(2);
    case 2:
      return random.pick(ODD_NUMBERS);
    case 3:
      return digits(random);
    case 4:
      return Array.from({ length: random.below(5) }, () => oddValue(random));
    case 5:
      return random.oneIn(100) ? Array.from({ length: random.below(50_000) }, () => random.pick([0, {}, 'u'])) : [];
    case 6:
      return Object.fromEntries([[oddText(random), oddText(random)]]);
    default:
      return oddText(random);
  }
}

/** One to four changes somewhere in the value; what is not touched stays as it was. */
export function mutatedJson(random: SeededRandom, value: unknown): unknown {
  let mutated = value;
  for (let left = 1 + random.below(4); left > 0; left--) mutated = mutatedAt(random, mutated);
  return mutated;
}

function mutatedAt(random: SeededRandom, value: unknown): unknown {
  if (Array.isArray(value)) return mutatedArray(random, value);
  if (typeof value !== 'object' || value === null) return random.oneIn(4) ? oddValue(random) : oddLike(random, value);
  const entries = Object.entries(value);
  const at = random.below(entries.length + 1);
  const entry = entries[at];
  if (entry === undefined) entries.push([random.pick(ODD_TEXTS), oddValue(random)]);
  else if (random.oneIn(8)) entries.splice(at, 1);
  else if (random.oneIn(12)) entry[0] = random.oneIn(2) ? entry[0].toUpperCase() : oddText(random);
  else entry[1] = random.oneIn(4) ? oddValue(random) : mutatedAt(random, entry[1]);
  return Object.fromEntries(entries);
}

function mutatedArray(random: SeededRandom, value: readonly unknown[]): unknown[] {
  const copy = [...value];
  const at = random.below(copy.length + 1);
  if (random.oneIn(6)) return [...copy, ...copy];
  if (random.oneIn(6)) return copy.toSpliced(at, 1);
  if (random.oneIn(6)) return copy.toSpliced(at, 0, oddValue(random));
  if (at < copy.length) copy[at] = mutatedAt(random, copy[at]);
  return copy;
}

/** Of the same type, and yet not what was meant. */
function oddLike(random: SeededRandom, value: unknown): unknown {
  if (typeof value === 'number') return random.pick(ODD_NUMBERS);
  if (typeof value === 'string') return random.oneIn(3) ? digits(random) : oddText(random);
  return oddValue(random);
}

/** Bits flipped, cut off, doubled, spliced with what is no UTF-8. */
export function mutatedBytes(random: SeededRandom, bytes: Uint8Array): Buffer {
  let mutated = Buffer.from(bytes);
  for (let left = 1 + random.below(3); left > 0; left--) {
    const at = random.below(mutated.length + 1);
    switch (random.below(6)) {
      case 0:
        mutated = mutated.subarray(0, at);
        break;
      case 1:
        mutated = Buffer.concat([mutated.subarray(0, at), random.bytes(1 + random.below(6)), mutated.subarray(at)]);
        break;
      case 2:
        mutated = Buffer.concat([mutated.subarray(0, at), mutated.subarray(at), mutated.subarray(at)]);
        break;
      case 3:
        mutated = Buffer.concat([mutated.subarray(0, at), random.pick(BROKEN_UTF8), mutated.subarray(at)]);
        break;
      default:
        mutated = Buffer.from(mutated);
        if (at < mutated.length) mutated[at] = (mutated[at] ?? 0) ^ (1 << random.below(8));
    }
  }
  return mutated;
}

/** Overlong, surrogates, beyond Unicode, cut, byte order mark. */
const BROKEN_UTF8 = ['c080', 'eda080', 'f4908080', 'e282', 'ff', '80', 'efbbbf', 'fffe'].map((hex) =>
  Buffer.from(hex, 'hex'),
);

/** A megabyte that looks like something. */
export function giant(random: SeededRandom, prefix: string): Buffer {
  const unit = random.pick(['[', '{"a":', '{},', '0,', '"', '\\', 'x', '{}', ' ', '1']);
  return Buffer.from(prefix + unit.repeat(Math.floor(1_000_000 / unit.length)));
}

export const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value) ?? '');

type Header = readonly [name: string, value: Uint8Array];

export function oddHeaders(random: SeededRandom, from: readonly Header[] = []): Header[] {
  const headers = from.flatMap((header): Header[] => {
    if (!random.oneIn(6)) return [header];
    if (random.oneIn(4)) return [];
    const [name, value] = header;
    if (random.oneIn(4)) return [header, header];
    return [
      [
        random.oneIn(6) ? oddText(random) : name,
        random.oneIn(2) ? Buffer.from(digits(random)) : mutatedBytes(random, value),
      ],
    ];
  });
  for (let left = random.oneIn(3) ? random.below(4) : 0; left > 0; left--) {
    headers.push([
      random.pick(['trace', 'rollcall-reason', 'rollcall-', 'Rollcall-x', '__proto__', oddText(random)]),
      random.bytes(random.below(20)),
    ]);
  }
  return headers;
}
