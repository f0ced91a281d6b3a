/**
 * Finds the code that an edit is about in all of src, by tokens instead of text: white space, comments and line breaks do not
 * count, nor does the file, and a name of the pattern stands for any name, always for the same one.
 * So an edit still fits after code was moved, wrapped or renamed, as long as half of its names are left. Of several places that fit,
 * the one with most names alike is meant.
 */
import jsTokens from 'js-tokens';

export interface Edit {
  /** TypeScript that occurs in src, with the names that it had when the edit was written. */
  readonly find: string;
  /** What takes its place; names that occur in `find` are translated to those of the place. */
  readonly replace: string;
}

/** Text by file. */
export type Sources = ReadonlyMap<string, string>;

export interface Place {
  readonly file: string;
  /** In characters from the beginning of the file. */
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
}

interface Token {
  readonly text: string;
  readonly start: number;
  readonly isName: boolean;
}

type Names = ReadonlyMap<string, string>;

interface Fit {
  readonly file: string;
  readonly tokens: readonly Token[];
  readonly names: Names;
  /** How many names of the pattern stand for themselves, each counted as often as it occurs. */
  readonly alike: number;
}

const KEYWORDS = new Set(
  (
    'as async await break case catch class const continue default delete do else export extends false finally for from function ' +
    'if import in instanceof interface let new null of readonly return satisfies static super switch this throw true try type ' +
    'typeof undefined void while yield'
  ).split(' '),
);

const BLANK: ReadonlySet<string> = new Set([
  'WhiteSpace',
  'LineTerminatorSequence',
  'SingleLineComment',
  'MultiLineComment',
]);

export class Selector {
  readonly #files: readonly (readonly [file: string, tokens: readonly Token[]])[];

  constructor(sources: Sources) {
    this.#files = [...sources].map(([file, text]) => [file, tokensOf(text)] as const);
  }

  /** Throws when the edit fits nowhere, or two places equally well. */
  placeOf({ find, replace }: Edit): Place {
    const pattern = tokensOf(find);
    const fits = this.#files
      .flatMap(([file, tokens]) => fitsIn(file, tokens, pattern))
      .toSorted((a, b) => b.alike - a.alike);
    const [best, next] = fits;
    if (best === undefined) throw new Error(`the mutant no longer fits: ${find}`);
    if (next?.alike === best.alike) {
      throw new Error(`the mutant fits ${best.file} and ${next.file} equally well; it needs more of the code: ${find}`);
    }
    const { file, tokens, names } = best;
    const [first, last] = [tokens[0], tokens.at(-1)];
    if (first === undefined || last === undefined) throw new Error('the mutant finds nothing');
    return { file, start: first.start, end: last.start + last.text.length, replacement: translated(replace, names) };
  }
}

/** The text of the file with the places replaced. */
export function withPlaces(text: string, places: readonly Place[]): string {
  return places
    .toSorted((a, b) => b.start - a.start)
    .reduce((rest, { start, end, replacement }) => rest.slice(0, start) + replacement + rest.slice(end), text);
}

function fitsIn(file: string, tokens: readonly Token[], pattern: readonly Token[]): readonly Fit[] {
  const fits: Fit[] = [];
  for (let start = 0; start + pattern.length <= tokens.length; start += 1) {
    const names = namesAt(tokens, start, pattern);
    if (names === null || isOfOtherCode(names)) continue;
    const alike = pattern.filter(({ text, isName }) => isName && names.get(text) === text).length;
    fits.push({ file, tokens: tokens.slice(start, start + pattern.length), names, alike });
  }
  return fits;
}

/** Alike in shape only. */
function isOfOtherCode(names: Names): boolean {
  const alike = [...names].filter(([name, found]) => name === found).length;
  return alike < Math.floor(names.size / 2);
}

/** What each name of the pattern stands for there; null: it does not fit. */
function namesAt(tokens: readonly Token[], start: number, pattern: readonly Token[]): Names | null {
  if (!isAlikeButForNames(tokens, start, pattern)) return null;
  const names = new Map<string, string>();
  for (const [index, { text, isName }] of pattern.entries()) {
    const found = tokens[start + index]?.text;
    if (!isName || found === undefined) continue;
    if ((names.get(text) ?? found) !== found) return null;
    names.set(text, found);
  }
  return new Set(names.values()).size === names.size ? names : null;
}

function isAlikeButForNames(tokens: readonly Token[], start: number, pattern: readonly Token[]): boolean {
  return pattern.every(({ text, isName }, index) => {
    const token = tokens[start + index];
    return token !== undefined && token.isName === isName && (isName || token.text === text);
  });
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let start = 0;
  for (const { type, value } of jsTokens(text)) {
    const isName = (type === 'IdentifierName' && !KEYWORDS.has(value)) || type === 'PrivateIdentifier';
    if (!BLANK.has(type)) tokens.push({ text: value, start, isName });
    start += value.length;
  }
  return tokens;
}

function translated(text: string, names: Names): string {
  return Array.from(jsTokens(text), ({ value }) => names.get(value) ?? value).join('');
}
