/**
 * Room core/text: JSON, redaction, foreign text made visible.
 * Not here: what one room alone says.
 *
 * Takes secrets out of a text that leaves the process: in plain, in Base64 (inside longer Base64 too), in hexadecimal digits,
 * each under any mixture of the escapes that unescape.ts knows; and the beginning or end of one where the text was cut
 * before it came here. A text of ours must be redacted before it is cut: of the middle of a secret nothing can be known.
 */
import { fullyUnescaped, levelsOf, type Level } from './unescape.ts';

const REDACTED = '[redacted]';

export function redactor(secrets: readonly string[]): (text: string) => string {
  const known = new KnownSecrets(secrets);
  return (text) => known.redact(text);
}

/** Tokens that are not renewed any more expire; what is kept of them must not grow. */
const LEARNED_MAX = 64;

/** Every secret that the process has: those of its start, and those that it receives or reads again later. */
export class KnownSecrets {
  readonly #given = new Map<string, readonly Needle[]>();
  readonly #learned = new Map<string, readonly Needle[]>();
  /** Of the given secrets and the learned ones. */
  #needles: readonly Needle[] = [];

  constructor(secrets: readonly string[]) {
    this.know(secrets);
  }

  /** From now on they are redacted, until they are retired. */
  know(secrets: readonly string[]): void {
    for (const secret of secrets) if (!this.#given.has(secret)) this.#given.set(secret, needlesOf(secret));
    this.#gatherNeedles();
  }

  /** They are not in use any more: redacted until many others have come. */
  retire(secrets: readonly string[]): void {
    for (const secret of secrets) if (this.#given.delete(secret)) this.learn(secret);
  }

  /** From now on it is redacted, until many others have come. */
  learn(secret: string): void {
    this.#learned.delete(secret);
    this.#learned.set(secret, needlesOf(secret));
    for (const oldest of this.#learned.keys()) if (this.#learned.size > LEARNED_MAX) this.#learned.delete(oldest);
    this.#gatherNeedles();
  }

  /** For people: what may be part of a secret goes, too, and what looks like credentials. */
  redact(text: string): string {
    const redacted = this.#without(text, find);
    // Credentials that are not among the known secrets (RFC 6750, RFC 7617; SSWS is Okta's).
    return redacted.replaceAll(/\b(Bearer|Basic|SSWS) [\w.~+/=-]+/gi, `$1 ${REDACTED}`);
  }

  /** For data that is kept: nothing but whole secrets, since an id may begin as a secret does. */
  redactWhole(text: string): string {
    return this.#without(text, findWhole);
  }

  #without(text: string, findIn: Find): string {
    const ranges: Range[] = [];
    for (const level of levelsOf(text)) for (const needle of this.#needles) findIn(level, needle, ranges);
    return without(text, ranges);
  }

  #gatherNeedles(): void {
    this.#needles = [...this.#given.values(), ...this.#learned.values()].flat();
  }
}

/** One form of a secret, as it may stand in a text. */
interface Needle {
  readonly text: string;
  /** Of Base64: how many characters beside it hold bits of the secret, too. */
  readonly before: 0 | 1;
  readonly after: 0 | 1;
}

/** In the text that is redacted. */
type Range = readonly [start: number, end: number];

const encoder = new TextEncoder();

function needlesOf(secret: string): readonly Needle[] {
  if (secret === '') return [];
  const inBytes = [...encoder.encode(secret)];
  const plain = [
    secret,
    // Its own characters may look like escapes.
    fullyUnescaped(secret),
    // In a form a space is a plus sign.
    secret.replaceAll(' ', '+'),
    // Read byte by byte.
    String.fromCodePoint(...inBytes),
  ];
  const hex = inBytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
  // One digit more or less would be found in any number.
  const inHex = inBytes.length < ENCODED_BYTES_MIN ? [] : [hex, hex.toUpperCase(), ...listsOf(hex, inBytes)];
  const texts = new Set([...plain, ...inHex].filter((text) => text !== ''));
  const inJson = JSON.stringify(secret).slice(1, -1);
  return [
    ...[...texts].map((text) => ({ text, before: 0, after: 0 }) as const),
    ...[...new Set([secret, inJson])].flatMap((each) => base64Needles([...encoder.encode(each)])),
  ];
}

/** As Node and others show bytes: `<Buffer 5a 6b>`, `5A:6B`, `[90,107]`. */
function listsOf(hex: string, inBytes: readonly number[]): readonly string[] {
  const digits = hex.match(/../g) ?? [];
  const inLists = [' ', ':', '-', ', '].map((separator) => digits.join(separator));
  return [...inLists, ...inLists.map((list) => list.toUpperCase()), inBytes.join(','), inBytes.join(', ')];
}

/** Shorter ones are found anywhere. */
const ENCODED_BYTES_MIN = 3;
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Behind 0, 1 or 2 bytes of something else (modulo 3) the same bytes have other digits: those that only they decide. */
function base64Needles(bytes: readonly number[]): readonly Needle[] {
  if (bytes.length < ENCODED_BYTES_MIN) return [];
  return [0, 1, 2].flatMap((shift) => {
    const from = Math.ceil((shift * 8) / 6);
    const bits = [...Array(shift).fill(0), ...bytes].map((byte: number) => byte.toString(2).padStart(8, '0')).join('');
    const digits = (bits.match(/.{6}/g) ?? []).slice(from).map((six) => DIGITS[Number.parseInt(six, 2)] ?? '');
    const text = digits.join('');
    const before = shift === 0 ? 0 : 1;
    const after = bits.length % 6 === 0 ? 0 : 1;
    const inUrl = text.replaceAll('+', '-').replaceAll('/', '_');
    return [...new Set([text, inUrl])].map((each) => ({ text: each, before, after }) as const);
  });
}

type Find = (level: Level, needle: Needle, ranges: Range[]) => void;

function findWhole(level: Level, needle: Needle, ranges: Range[]): void {
  const { text } = level;
  for (let at = text.indexOf(needle.text); at !== -1; at = text.indexOf(needle.text, at + 1)) {
    ranges.push(widened(level, needle, at));
  }
}

/** The least of a cut secret that is taken for it. */
const FRAGMENT_LENGTH_MIN = 8;

function find(level: Level, needle: Needle, ranges: Range[]): void {
  findBeginning(level, needle, ranges);
  if (needle.text.length > FRAGMENT_LENGTH_MIN) findEnd(level, needle.text, ranges);
}

/** So much of a secret is a part of it, with any text beside it: `(cut)`, a line break, a bracket. */
const isMostOf = (secret: string, length: number): boolean => length >= PART_LENGTH_MIN && 2 * length >= secret.length;
const PART_LENGTH_MIN = 16;

/** The text ends, or a quotation in it does, perhaps in the middle of an escape. */
const CUT_OFF = /(?:\\(?:u[0-9a-f]{0,3})?|%[0-9a-f]?|&#?\w{0,7})?(?:$|["“”„`…]|\.{2,})/iy;

/** The secret, or its beginning where the text is cut off behind it. */
function findBeginning(level: Level, needle: Needle, ranges: Range[]): void {
  const { text, starts } = level;
  const secret = needle.text;
  const beginning = secret.slice(0, FRAGMENT_LENGTH_MIN);
  for (let at = text.indexOf(beginning); at !== -1; at = text.indexOf(beginning, at + 1)) {
    let length = beginning.length;
    while (length < secret.length && text[at + length] === secret[length]) length += 1;
    CUT_OFF.lastIndex = at + length;
    if (length === secret.length) ranges.push(widened(level, needle, at));
    else if (CUT_OFF.test(text) || isMostOf(secret, length)) ranges.push(placed(starts, at, at + length));
  }
}

const isDigit = (character: string | undefined): boolean => character !== undefined && /[\w+/-]/.test(character);

function widened({ text, starts }: Level, needle: Needle, at: number): Range {
  const start = needle.before > 0 && isDigit(text[at - 1]) ? at - 1 : at;
  const end = at + needle.text.length;
  return placed(starts, start, needle.after > 0 && isDigit(text[end]) ? end + 1 : end);
}

const placed = (starts: Level['starts'], start: number, end: number): Range =>
  starts === null ? [start, end] : [starts[start] ?? 0, starts[end] ?? 0];

/** The text begins, or a quotation in it does, perhaps in the middle of an escape. */
const CUT_IN = /(?:^|["“”„`…]|\.{3})(?:u?[0-9a-f]{1,4}|#?\w{1,7};)?$/i;
/** The longest that CUT_IN looks at. */
const CUT_IN_LENGTH_MAX = 12;

/** The secret's end, where the text is cut off before it. */
function findEnd({ text, starts }: Level, secret: string, ranges: Range[]): void {
  const end = secret.slice(-FRAGMENT_LENGTH_MIN);
  for (let at = text.indexOf(end); at !== -1; at = text.indexOf(end, at + 1)) {
    let from = at;
    let left = secret.length - FRAGMENT_LENGTH_MIN;
    while (left > 0 && from > 0 && text[from - 1] === secret[left - 1]) [from, left] = [from - 1, left - 1];
    const before = text.slice(Math.max(0, from - CUT_IN_LENGTH_MAX), from);
    const isCutIn = CUT_IN.test(from > CUT_IN_LENGTH_MAX ? `\u0000${before}` : before);
    if (isCutIn || isMostOf(secret, at + FRAGMENT_LENGTH_MIN - from))
      ranges.push(placed(starts, from, at + FRAGMENT_LENGTH_MIN));
  }
}

function without(text: string, ranges: readonly Range[]): string {
  let redacted = '';
  let upTo = 0;
  for (const [start, end] of ranges.toSorted((a, b) => a[0] - b[0])) {
    if (start >= upTo) redacted += text.slice(upTo, start) + REDACTED;
    upTo = Math.max(upTo, end);
  }
  return redacted + text.slice(upTo);
}
