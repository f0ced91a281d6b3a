/**
 * A file of ids → a table: CSV with a header, or NDJSON (recognised by its first character), as its text comes in. The first
 * problem ends the reading and names its line: half a table would leave members out without a word.
 */
import {
  GroupTargets,
  isSameEntry,
  readRow,
  type IdEntry,
  type IdTable,
  type IdTableRow,
} from '../../core/ids/id-table.ts';
import type { IdKind } from '../../core/ids/resolution.ts';
import { jsonIn } from '../../core/text/json.ts';

export type ReadTable =
  | { readonly ok: true; readonly table: IdTable; readonly groupTargets: GroupTargets; readonly rows: number }
  | { readonly ok: false; readonly problem: string };

/** A row holds two ids of 256 units at most; what is longer by so much is no table. */
const LINE_LENGTH_MAX = 65_536;
/** About 500 MB in memory. */
const ROWS_MAX = 2_000_000;

const CSV_EXAMPLE = 'type,source_id,genesys_id,active';
const COLUMNS = ['type', 'source_id', 'genesys_id'] as const;

interface Placed extends IdEntry {
  readonly line: number;
}

export class IdTableFile {
  readonly #entries: Readonly<Record<IdKind, Map<string, Placed>>> = { user: new Map(), group: new Map() };
  readonly #groupTargets = new GroupTargets();
  readonly #csv = new CsvReader(LINE_LENGTH_MAX);
  #form: 'unknown' | 'csv' | 'ndjson' = 'unknown';
  #header: readonly string[] | null = null;
  #open = '';
  #line = 0;
  #problem: string | null = null;

  /** Later lines cannot correct it. */
  get isWrong(): boolean {
    return this.#problem !== null;
  }

  /** Without a byte order mark. */
  push(text: string): void {
    if (this.isWrong) return;
    if (this.#form === 'unknown') this.#form = formOf(this.#open + text);
    if (this.#form === 'csv') this.#takeCsv(this.#csv.push(this.#open + text));
    if (this.#form === 'csv') this.#open = '';
    else this.#takeLines(this.#open + text);
  }

  end(): ReadTable {
    if (this.#form === 'csv') this.#takeCsv(this.#csv.end());
    if (this.#form === 'ndjson') this.#takeLine(this.#open);
    const { user, group } = this.#entries;
    const rows = user.size + group.size;
    // It may be half written: an empty table would stop every change.
    if (rows === 0) this.#problem ??= 'the file names no id';
    if (this.#problem !== null) return { ok: false, problem: this.#problem };
    return { ok: true, table: { user, group }, groupTargets: this.#groupTargets, rows };
  }

  #takeLines(text: string): void {
    const lines = this.#form === 'unknown' ? [text] : text.split('\n');
    this.#open = lines.pop() ?? '';
    for (const line of lines) this.#takeLine(line);
    if (this.#open.length > LINE_LENGTH_MAX) this.#fail(this.#line + 1, `the line is longer than ${LINE_LENGTH_MAX}`);
  }

  #takeLine(text: string): void {
    this.#line += 1;
    if (this.#problem !== null || text.trim() === '') return;
    if (text.length > LINE_LENGTH_MAX) this.#fail(this.#line, `the line is longer than ${LINE_LENGTH_MAX}`);
    else this.#takeRow(jsonIn(text), this.#line);
  }

  #takeCsv(records: ReturnType<CsvReader['push']>): void {
    for (const { line, fields } of records) {
      if (this.#problem !== null) return;
      if (this.#header === null) this.#takeHeader(fields, line);
      else if (fields.length === this.#header.length) this.#takeRow(rowOf(this.#header, fields), line);
      else this.#fail(line, `${fields.length} fields, where the header has ${this.#header.length}`);
    }
    const { problem } = this.#csv;
    if (problem !== null) this.#fail(problem.line, problem.problem);
  }

  #takeHeader(fields: readonly string[], line: number): void {
    const missing = COLUMNS.filter((column) => !fields.includes(column));
    const twice = fields.find((field, index) => fields.indexOf(field) !== index);
    if (missing.length > 0) this.#fail(line, `the header has no ${missing.join(', no ')}; it must be ${CSV_EXAMPLE}`);
    else if (twice !== undefined) this.#fail(line, `the header names ${JSON.stringify(twice.slice(0, 60))} twice`);
    else this.#header = fields;
  }

  #takeRow(value: unknown, line: number): void {
    const read = readRow(value);
    if (read.ok) this.#put(read.row, line);
    else this.#fail(line, read.problem);
  }

  #put({ kind, sourceId, id, isActive }: IdTableRow, line: number): void {
    const entries = this.#entries[kind];
    const before = entries.get(sourceId);
    const entry = { id, isActive, line };
    if (before === undefined) {
      entries.set(sourceId, entry);
      if (kind === 'group') this.#groupTargets.add(id, sourceId);
    } else if (!isSameEntry(before, entry)) {
      const what = `${kind} ${JSON.stringify(sourceId)}`;
      this.#fail(
        line,
        `${what} is ${said(entry)} here and ${said(before)} in line ${before.line}: keep one of the two`,
      );
    }
    if (entries.size > ROWS_MAX) this.#fail(line, `more than ${ROWS_MAX} ids of one type`);
  }

  #fail(line: number, problem: string): void {
    this.#problem ??= `line ${line}: ${problem}`;
  }
}

function formOf(text: string): 'unknown' | 'csv' | 'ndjson' {
  const first = text.trimStart()[0];
  if (first === undefined) return text.length > LINE_LENGTH_MAX ? 'ndjson' : 'unknown';
  return first === '{' ? 'ndjson' : 'csv';
}

function rowOf(header: readonly string[], fields: readonly string[]): Readonly<Record<string, unknown>> {
  const row = new Map<string, unknown>(header.map((name, index) => [name, fields[index]]));
  const active = row.get('active');
  if (active === 'true' || active === 'false') row.set('active', active === 'true');
  else if (active === '') row.delete('active');
  return Object.fromEntries(row);
}

const said = ({ id, isActive }: IdEntry): string => `${JSON.stringify(id)}${isActive ? '' : ' (inactive)'}`;

/*
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
