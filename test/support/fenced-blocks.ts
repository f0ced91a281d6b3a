/** Blocks of code in Markdown. */
export interface FencedBlock {
  /** `bash`, `env`, … */
  readonly language: string;
  /** What stands behind the language: `run`. */
  readonly marks: readonly string[];
  readonly content: string;
  /** From 1. */
  readonly line: number;
}

export function fencedBlocks(markdown: string): readonly FencedBlock[] {
  return [...markdown.matchAll(/^```(\w+)([^\n]*)\n(.*?)^```$/gms)].map((match) => {
    const [, language = '', marks = '', content = ''] = match;
    const line = markdown.slice(0, match.index).split('\n').length;
    return { language, marks: marks.split(' ').filter((mark) => mark !== ''), content, line };
  });
}
