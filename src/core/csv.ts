/**
 * Reads CSV (RFC 4180) as it comes in: quoted fields with commas, line breaks and doubled quotes; lines end with LF or
 * CRLF. Strict where the file would mean something else than it looks: the first problem ends the reading.
 */

export interface CsvRecord {
  /** Line it begins on, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

export interface CsvProblem {
  readonly line: number;
  readonly problem: string;
}

/** Where in a field the reader stands: `quote` is behind a quote within quotes, `cr` behind a carriage return. */
type State = 'start' | 'plain' | 'quoted' | 'quote' | 'cr';

export class CsvReader {
  /** What a record may hold, in UTF-16 units: a quote that is never closed must not take in the whole file. */
  readonly #recordLengthMax: number;
  #state: State = 'start';
  #line = 1;
  #recordLine = 1;
  #recordLength = 0;
  #field = '';
  #wasQuoted = false;
  #fields: string[] = [];
  #records: CsvRecord[] = [];
  #problem: CsvProblem | null = null;

  constructor(recordLengthMax: number) {
    this.#recordLengthMax = recordLengthMax;
  }

  get problem(): CsvProblem | null {
    return this.#problem;
  }

  /** The records that end in this text; blank lines are none. */
  push(text: string): readonly CsvRecord[] {
    for (let at = 0; at < text.length && this.#problem === null;) {
      const run = this.#runAt(text, at);
      if (run.length > 0) this.#add(run);
      at += run.length;
      const next = text[at];
      if (next === undefined) break;
      this.#step(next);
      at += 1;
    }
    return this.#records.splice(0);
  }

  /** The last record, where no line break stands behind it. */
  end(): readonly CsvRecord[] {
    if (this.#problem === null && this.#state === 'quoted') this.#fail('a quote is not closed');
    else if (this.#problem === null) this.#endRecord();
    return this.#records.splice(0);
  }

  /** What means nothing but itself, from here on. */
  #runAt(text: string, at: number): string {
    if (this.#state === 'quote' || this.#state === 'cr') return '';
    const run = this.#state === 'quoted' ? /[^"\n]*/y : /[^",\r\n]*/y;
    run.lastIndex = at;
    return run.exec(text)?.[0] ?? '';
  }

  #add(run: string): void {
    this.#recordLength += run.length;
    if (this.#recordLength > this.#recordLengthMax) this.#fail(`the record is longer than ${this.#recordLengthMax}`);
    this.#field += run;
    if (this.#state === 'start') this.#state = 'plain';
  }

  #step(character: string): void {
    if (this.#state === 'quoted') this.#stepQuoted(character);
    else if (this.#state === 'cr' && character !== '\n') this.#fail('a carriage return stands without a line feed');
    else if (character === '\n') this.#endRecord();
    else if (character === ',') this.#endField();
    else if (character === '\r') this.#state = 'cr';
    else if (character === '"') this.#quote();
    else this.#fail('something stands behind a closing quote');
  }

  #stepQuoted(character: string): void {
    if (character === '"') {
      this.#state = 'quote';
      return;
    }
    this.#line += 1;
    this.#add(character);
  }

  #quote(): void {
    if (this.#state === 'plain') {
      this.#fail('a quote stands inside a field without quotes: quote the whole field, and double the quote');
      return;
    }
    if (this.#state === 'quote') this.#field += '"';
    this.#wasQuoted = true;
    this.#state = 'quoted';
  }

  #endField(): void {
    // RFC 4180 takes spaces for part of the field; around a comma they hardly ever are, and the id would never be found.
    if (!this.#wasQuoted && this.#field !== this.#field.trim()) {
      this.#fail('white space stands beside a field: take it out, or quote the field if it belongs to it');
    }
    this.#fields.push(this.#field);
    this.#field = '';
    this.#wasQuoted = false;
    this.#state = 'start';
  }

  #endRecord(): void {
    const isBlank = this.#fields.length === 0 && !this.#wasQuoted && this.#field.trim() === '';
    if (isBlank) this.#field = '';
    this.#endField();
    if (!isBlank && this.#problem === null) this.#records.push({ line: this.#recordLine, fields: this.#fields });
    this.#fields = [];
    this.#line += 1;
    this.#recordLine = this.#line;
    this.#recordLength = 0;
  }

  #fail(problem: string): void {
    this.#problem ??= { line: this.#line, problem };
  }
}
