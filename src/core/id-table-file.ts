/**
 * A file of ids → a table: CSV with a header, or NDJSON (told by its first character), as its text comes in. The first
 * problem ends the reading and names its line: half a table would leave members out without a word.
 */
import { jsonIn } from './json.ts';
import { CsvReader } from './csv.ts';
import { GroupTargets, isSameEntry, readRow, type IdEntry, type IdTable, type IdTableRow } from './id-table.ts';
import type { IdKind } from './resolution.ts';

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

  /** Nothing that follows can mend it. */
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
    // Somebody may be writing it: a table that names nobody would stop every change.
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
