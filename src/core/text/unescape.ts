/**
 * Escaped text → what it stands for, one level at a time, with the place of each character in the text that it was read
 * from: JSON and JavaScript (`\u0041`, `\x41`, `\/`), URLs (`%41`), HTML (`&#x41;`, `&quot;`). Total.
 */
/** Where each UTF-16 unit of `text` begins in the outermost text; one entry more, for the end. null: at its own index. */
export interface Level {
  readonly text: string;
  readonly starts: Uint32Array | null;
}

/** As deep as texts are known to be nested: JSON in a log line about a URL in JSON. */
const LEVELS_MAX = 6;

/** The text itself, then each text that is left when one more level of escapes is taken away. */
export function levelsOf(text: string): readonly Level[] {
  const levels: Level[] = [{ text, starts: null }];
  for (let last = levels[0]; last !== undefined && levels.length <= LEVELS_MAX;) {
    const next = unescaped(last);
    if (next === null) break;
    levels.push(next);
    last = next;
  }
  return levels;
}

/** What is left when every level of escapes is taken away. */
export const fullyUnescaped = (text: string): string => levelsOf(text).at(-1)?.text ?? text;

/** null: nothing is escaped. */
function unescaped(level: Level): Level | null {
  const { text } = level;
  const builder = new LevelBuilder(level);
  let from = 0;
  for (const { 0: escape, index } of text.matchAll(ESCAPE)) {
    builder.keep(from, index);
    if (escape.startsWith('%')) addBytes(builder, escape, index);
    else builder.add(characterOf(escape), index);
    from = index + escape.length;
  }
  if (from === 0) return null;
  builder.keep(from, text.length);
  return builder.level();
}

const NAMED: Readonly<Record<string, string>> = {
  '\\b': '\b',
  '\\f': '\f',
  '\\n': '\n',
  '\\r': '\r',
  '\\t': '\t',
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&apos;': "'",
  '&sol;': '/',
  '&bsol;': '\\',
  '&plus;': '+',
  '&equals;': '=',
  '&num;': '#',
  '&dollar;': '$',
  '&percnt;': '%',
  '&commat;': '@',
  '&colon;': ':',
  '&semi;': ';',
  '&comma;': ',',
  '&period;': '.',
  '&excl;': '!',
  '&quest;': '?',
  '&ast;': '*',
  '&lpar;': '(',
  '&rpar;': ')',
  '&lowbar;': '_',
  '&grave;': '`',
  '&hat;': '^',
  '&lbrack;': '[',
  '&lsqb;': '[',
  '&rsqb;': ']',
  '&rbrack;': ']',
  '&lcub;': '{',
  '&lbrace;': '{',
  '&rcub;': '}',
  '&rbrace;': '}',
  '&verbar;': '|',
  '&vert;': '|',
};

const ENTITIES = Object.keys(NAMED).filter((name) => name.startsWith('&'));

const ESCAPE = new RegExp(
  String.raw`\\(?:u[0-9a-f]{4}|u\{[0-9a-f]{1,6}\}|x[0-9a-f]{2}|["'\\/bfnrt])|(?:%[0-9a-f]{2})+|&(?:#\d{1,7}|#x[0-9a-f]{1,6});|` +
    ENTITIES.join('|'),
  'gi',
);

function characterOf(escape: string): string {
  const named = NAMED[escape.toLowerCase()];
  if (named !== undefined) return named;
  const digits = /^(?:\\[ux]\{?|&#x)([0-9a-f]+)/i.exec(escape)?.[1];
  if (digits !== undefined) return fromCode(Number.parseInt(digits, 16));
  const decimal = /^&#(\d+)/.exec(escape)?.[1];
  return decimal === undefined ? escape.slice(1) : fromCode(Number(decimal));
}

const fromCode = (code: number): string => (code > 0x10_ff_ff ? '\ufffd' : String.fromCodePoint(code));

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** A run of percent-encoded bytes is UTF-8; a byte that is not stands for itself. */
function addBytes(builder: LevelBuilder, run: string, index: number): void {
  const bytes = Uint8Array.from(run.split('%').slice(1), (digits) => Number.parseInt(digits, 16));
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes[at] ?? 0);
    const character = decoder.decode(bytes.subarray(at, at + length));
    // A sequence that is broken decodes to more than one character, or to the sign for that.
    const isWhole = length > 1 && character.length === (length === 4 ? 2 : 1) && !character.includes('\ufffd');
    builder.add(isWhole ? character : String.fromCodePoint(bytes[at] ?? 0), index + 3 * at);
    at += isWhole ? length : 1;
  }
}

const sequenceLength = (lead: number): number => (lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4);

class LevelBuilder {
  readonly #from: Level;
  readonly #parts: string[] = [];
  /** No level is longer than the one before. */
  readonly #starts: Uint32Array;
  #length = 0;

  constructor(from: Level) {
    this.#from = from;
    this.#starts = new Uint32Array(from.text.length + 1);
  }

  keep(from: number, to: number): void {
    if (from === to) return;
    this.#parts.push(this.#from.text.slice(from, to));
    for (let at = from; at < to; at += 1) this.#starts[this.#length++] = this.#placeOf(at);
  }

  /** @param at where the escape begins. */
  add(character: string, at: number): void {
    this.#parts.push(character);
    for (let unit = 0; unit < character.length; unit += 1) this.#starts[this.#length++] = this.#placeOf(at);
  }

  level(): Level {
    this.#starts[this.#length] = this.#placeOf(this.#from.text.length);
    return { text: this.#parts.join(''), starts: this.#starts.subarray(0, this.#length + 1) };
  }

  #placeOf(at: number): number {
    return this.#from.starts === null ? at : (this.#from.starts[at] ?? 0);
  }
}
