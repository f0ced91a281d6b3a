/**
 * HTML in which everything that is not ours is escaped: ids and messages come from elsewhere, and a browser obeys what it is sent.
 * What a template puts in is text, unless it is markup itself.
 */
import { visible } from '../../core/text/visible.ts';

export class Markup {
  readonly text: string;

  /** @param text safe as it is. */
  constructor(text: string) {
    this.text = text;
  }
}

type Part = Markup | string | number | readonly Markup[];

/** Of elements and of values of attributes in double quotes. */
export const html = (fixed: TemplateStringsArray, ...parts: readonly Part[]): Markup =>
  new Markup(fixed.map((text, at) => text + textOf(parts[at] ?? '')).join(''));

function textOf(part: Part): string {
  if (part instanceof Markup) return part.text;
  if (typeof part === 'object') return part.map(({ text }) => text).join('');
  return visible(String(part)).replaceAll(/[&<>"']/g, (character) => `&#${character.codePointAt(0) ?? 0};`);
}

export const NOTHING = new Markup('');
