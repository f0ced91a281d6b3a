/**
 * How far an identity provider was read, in a compacted topic of one partition: the cursor under `<source>/<scope>`, and a
 * mark for each known group under `<source>/<scope>/group/<id>`.
 */
import { z } from 'zod';
import { textOf } from '../../core/log/record-headers.ts';
import { readJsonText } from '../../formats/reading/reading.ts';
import type { LogTools, OutRecord } from '../../ports.ts';
import type { GroupMark, PollSource, Scope } from './source.ts';

export interface Stored {
  /** null: none. */
  readonly cursor: string | null;
  /** Group → mark. */
  readonly known: Map<string, string>;
  /** Where there is no cursor: what shows that the source was polled before all the same; null: nothing does. */
  readonly trace: string | null;
}

/** Which cursor: `okta/example.okta.com`. */
export const cursorKey = ({ name, scope }: Pick<PollSource, 'name' | 'scope'>): string => `${name}/${scope}`;

/** What is stored is no cursor: another writer has written it, or it is damaged. Nothing is asked for with it. */
export class CursorRefusal extends Error {
  override readonly name = 'CursorRefusal';

  constructor(topic: string, key: string) {
    super(
      `the record ${key} of the topic ${topic} is no cursor, so that nothing was asked for. Find out who can write to the ` +
        'topic, then delete the record, and every group is read as a full state, even with INGEST_POLL_START=now: ' +
        `echo '${key}|NULL' | kafka-console-producer.sh --bootstrap-server $KAFKA_BROKERS --topic ${topic} ` +
        "--property parse.key=true --property key.separator='|' --property null.marker=NULL",
    );
  }
}

const Cursor = z.object({ v: z.literal(1), cursor: z.string() });
const Mark = z.object({ v: z.literal(1), mark: z.string() });

export async function loadCursor(
  tools: Pick<LogTools, 'read'>,
  topic: string,
  { source, signal }: { readonly source: Pick<PollSource, 'name' | keyof Scope>; readonly signal: AbortSignal },
): Promise<Stored> {
  const key = cursorKey(source);
  const formerKey = source.formerScope === null ? null : cursorKey({ name: source.name, scope: source.formerScope });
  let cursor: string | null = null;
  let hasOwn = false;
  let hasFormer = false;
  const known = new Map<string, string>();
  for await (const record of tools.read(topic, { from: 'beginning', follow: false, signal })) {
    const name = textOf(record.key) ?? '';
    const value = textOf(record.value);
    // Also one that is deleted.
    hasOwn ||= isOf(key, name);
    hasFormer ||= formerKey !== null && isOf(formerKey, name);
    // Unreadable, it is no cursor of any source, and is refused as such.
    if (name === key) cursor = value === null ? null : (parsed(Cursor, value)?.cursor ?? '');
    if (!name.startsWith(`${key}/group/`)) continue;
    const group = name.slice(`${key}/group/`.length);
    const mark = value === null ? undefined : parsed(Mark, value)?.mark;
    if (mark === undefined) known.delete(group);
    else known.set(group, mark);
  }
  const former = hasFormer ? `${FORMER}: ${formerKey}` : null;
  const trace = hasOwn ? `the cursor is deleted, or the first reading broke off: ${key}` : former;
  return { cursor, known, trace: cursor === null ? trace : null };
}

const FORMER =
  'the cursor of a former version may be that of another provider on this host and is not used, ' +
  'so that groups deleted since the last poll are not reported';

/** The cursor, or the mark of a group. */
const isOf = (key: string, name: string): boolean => name === key || name.startsWith(`${key}/group/`);

/** The cursor last: what it says is true once all the others are written. */
export function cursorRecords(
  topic: string,
  key: string,
  { cursor, marks }: { readonly cursor: string | null; readonly marks: readonly GroupMark[] },
): readonly OutRecord[] {
  const record = (name: string, value: object | null): OutRecord => ({
    topic,
    partition: 0,
    key: name,
    value: value === null ? null : JSON.stringify({ v: 1, ...value }),
    headers: [],
  });
  return [
    ...marks.map(({ group, mark }) => record(`${key}/group/${group}`, mark === null ? null : { mark })),
    ...(cursor === null ? [] : [record(key, { cursor })]),
  ];
}

function parsed<T>(type: z.ZodType<T>, text: string): T | null {
  const read = readJsonText(text);
  const result = read.ok ? type.safeParse(read.json) : null;
  return result?.success ? result.data : null;
}
