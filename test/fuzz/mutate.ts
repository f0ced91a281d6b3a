/** Valid input → input that is nearly so: where readers are weak. */
import type { Lots } from './lots.ts';

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

export const oddText = (lots: Lots): string =>
  lots.oneIn(300) ? lots.of(['x', 'é', '\uD800', '\u0000']).repeat(1 + lots.below(300_000)) : lots.of(ODD_TEXTS);

export const digits = (lots: Lots): string =>
  lots.of(['', '-', '+', ' ']) +
  Array.from({ length: 1 + lots.below(20) }, () => lots.below(10)).join('') +
  lots.of(['', '', '.5', 'e9']);

/** Any JSON value, some of them deep, wide or long. */
function oddValue(lots: Lots): unknown {
  switch (lots.below(9)) {
    case 0:
      return null;
    case 1:
      return lots.oneIn(2);
    case 2:
      return lots.of(ODD_NUMBERS);
    case 3:
      return digits(lots);
    case 4:
      return Array.from({ length: lots.below(5) }, () => oddValue(lots));
    case 5:
      return lots.oneIn(100) ? Array.from({ length: lots.below(50_000) }, () => lots.of([0, {}, 'u'])) : [];
    case 6:
      return Object.fromEntries([[oddText(lots), oddText(lots)]]);
    default:
      return oddText(lots);
  }
}

/** One to four changes somewhere in the value; what is not touched stays as it was. */
export function mutatedJson(lots: Lots, value: unknown): unknown {
  let mutated = value;
  for (let left = 1 + lots.below(4); left > 0; left--) mutated = mutatedAt(lots, mutated);
  return mutated;
}

function mutatedAt(lots: Lots, value: unknown): unknown {
  if (Array.isArray(value)) return mutatedArray(lots, value);
  if (typeof value !== 'object' || value === null) return lots.oneIn(4) ? oddValue(lots) : oddLike(lots, value);
  const entries = Object.entries(value);
  const at = lots.below(entries.length + 1);
  const entry = entries[at];
  if (entry === undefined) entries.push([lots.of(ODD_TEXTS), oddValue(lots)]);
  else if (lots.oneIn(8)) entries.splice(at, 1);
  else if (lots.oneIn(12)) entry[0] = lots.oneIn(2) ? entry[0].toUpperCase() : oddText(lots);
  else entry[1] = lots.oneIn(4) ? oddValue(lots) : mutatedAt(lots, entry[1]);
  return Object.fromEntries(entries);
}

function mutatedArray(lots: Lots, value: readonly unknown[]): unknown[] {
  const copy = [...value];
  const at = lots.below(copy.length + 1);
  if (lots.oneIn(6)) return [...copy, ...copy];
  if (lots.oneIn(6)) return copy.toSpliced(at, 1);
  if (lots.oneIn(6)) return copy.toSpliced(at, 0, oddValue(lots));
  if (at < copy.length) copy[at] = mutatedAt(lots, copy[at]);
  return copy;
}

/** Of the same type, and yet not what was meant. */
function oddLike(lots: Lots, value: unknown): unknown {
  if (typeof value === 'number') return lots.of(ODD_NUMBERS);
  if (typeof value === 'string') return lots.oneIn(3) ? digits(lots) : oddText(lots);
  return oddValue(lots);
}

/** Bits flipped, cut off, doubled, spliced with what is no UTF-8. */
export function mutatedBytes(lots: Lots, bytes: Uint8Array): Buffer {
  let mutated = Buffer.from(bytes);
  for (let left = 1 + lots.below(3); left > 0; left--) {
    const at = lots.below(mutated.length + 1);
    switch (lots.below(6)) {
      case 0:
        mutated = mutated.subarray(0, at);
        break;
      case 1:
        mutated = Buffer.concat([mutated.subarray(0, at), lots.bytes(1 + lots.below(6)), mutated.subarray(at)]);
        break;
      case 2:
        mutated = Buffer.concat([mutated.subarray(0, at), mutated.subarray(at), mutated.subarray(at)]);
        break;
      case 3:
        mutated = Buffer.concat([mutated.subarray(0, at), lots.of(BROKEN_UTF8), mutated.subarray(at)]);
        break;
      default:
        mutated = Buffer.from(mutated);
        if (at < mutated.length) mutated[at] = (mutated[at] ?? 0) ^ (1 << lots.below(8));
    }
  }
  return mutated;
}

/** Overlong, surrogates, beyond Unicode, cut, byte order mark. */
const BROKEN_UTF8 = ['c080', 'eda080', 'f4908080', 'e282', 'ff', '80', 'efbbbf', 'fffe'].map((hex) =>
  Buffer.from(hex, 'hex'),
);

/** A megabyte that looks like something. */
export function giant(lots: Lots, prefix: string): Buffer {
  const unit = lots.of(['[', '{"a":', '{},', '0,', '"', '\\', 'x', '{}', ' ', '1']);
  return Buffer.from(prefix + unit.repeat(Math.floor(1_000_000 / unit.length)));
}

export const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value) ?? '');

type Header = readonly [name: string, value: Uint8Array];

export function oddHeaders(lots: Lots, from: readonly Header[] = []): Header[] {
  const headers = from.flatMap((header): Header[] => {
    if (!lots.oneIn(6)) return [header];
    if (lots.oneIn(4)) return [];
    const [name, value] = header;
    if (lots.oneIn(4)) return [header, header];
    return [
      [lots.oneIn(6) ? oddText(lots) : name, lots.oneIn(2) ? Buffer.from(digits(lots)) : mutatedBytes(lots, value)],
    ];
  });
  for (let left = lots.oneIn(3) ? lots.below(4) : 0; left > 0; left--) {
    headers.push([
      lots.of(['trace', 'rollcall-reason', 'rollcall-', 'Rollcall-x', '__proto__', oddText(lots)]),
      lots.bytes(lots.below(20)),
    ]);
  }
  return headers;
}
