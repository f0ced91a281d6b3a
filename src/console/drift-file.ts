/** Files of `rollcall diff`: the full states that are wanted, and the lines of groups that were compared. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { appendPrivateFile, type AppendedFile } from '../adapters/private-file.ts';
import { RunningSha256 } from '../adapters/system.ts';
import { distinctIds, idKey } from '../core/change/change.ts';
import { jsonIn } from '../core/text/json.ts';
import { jsonText, visible } from '../core/text/visible.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import { native } from '../formats/native/native.ts';
import { z } from 'zod';
import type { CommandContext } from './command-context.ts';
import type { WantedGroups } from './drift.ts';
import { ComparedLine } from './drift-text.ts';
import { readLines } from './file-source.ts';
import { fileError } from './new-file.ts';

/** Who is wanted by a file. */
export interface WantedFile {
  readonly wanted: WantedGroups;
  /** Of the groups. */
  readonly spellings: readonly string[];
  /** Of its lines, in hexadecimal. */
  readonly sha256: string;
}

/**
 * Full states of the native format, one a line; of several of a group the last counts.
 * @throws ExitError for a line that is none, since half a list of who is wanted would call the rest extra; and where there is none.
 */
export async function readWanted(file: string, context: Pick<CommandContext, 'stdin'>): Promise<WantedFile> {
  const hash = new RunningSha256();
  const wanted = new Map<string, ReadonlyMap<string, string>>();
  const spellings = new Map<string, string>();
  for await (const { index, bytes } of readLines(file, context)) {
    if (bytes === null) continue;
    hash.update(bytes);
    hash.update('\n');
    const [event] = native.decode({ key: null, value: bytes, headers: [] }, { partitionCount: 1 });
    if (event.kind !== 'state') {
      const why = event.kind === 'invalid' ? visible(event.message) : 'it is no full state';
      throw new ExitError(EXIT.usage, `${file}, line ${index + 1}: ${why}; ${LINES_OF_STATES}`);
    }
    wanted.set(idKey(event.group), distinctIds(event.members));
    spellings.set(idKey(event.group), event.group);
  }
  if (wanted.size === 0) throw new ExitError(EXIT.usage, `${file}: no full state in it; ${LINES_OF_STATES}`);
  return { wanted, spellings: [...spellings.values()], sha256: hash.digest };
}

const LINES_OF_STATES = 'each line must be {"group_id":"…","members":["…"],"complete":true}';

/** Where lines of compared groups go, and what it held before. */
export interface ComparedFile extends AppendedFile {
  /** The last line of each group. */
  readonly former: readonly z.infer<typeof ComparedLine>[];
}

/** The first line: what the groups are compared with. */
const Compared = z.object({
  source_topic: z.string(),
  consumer_group: z.string(),
  /** The origin of the target's API. */
  target: z.string(),
  /** Of the file that says who is wanted; null: the source does. */
  from_sha256: z.string().nullable(),
  /** RFC 3339. */
  started_at: z.string(),
});

export type Compared = z.infer<typeof Compared>;

/** @throws ExitError where it is there and not to be gone on with, is about something else, or cannot be used. */
export async function openCompared(path: string, isResumed: boolean, compared: Compared): Promise<ComparedFile> {
  try {
    const { lines, length } = isResumed ? await readCompared(path, compared) : { lines: [], length: null };
    const file = await appendPrivateFile(path, length, `${jsonText(compared)}\n`);
    const append = (text: string): Promise<void> =>
      file.append(text).catch((error: unknown) => {
        throw fileError(`--out ${path} (go on with it by --resume)`, error);
      });
    return { ...file, append, former: lines };
  } catch (error) {
    if (error instanceof ExitError) throw error;
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST'))
      throw fileError(`--out ${path}`, error);
    const remedy = 'exists already: go on with it by --resume, or name another file';
    throw new ExitError(EXIT.usage, `--out ${path}: ${remedy}`, { cause: error });
  }
}

/** A last line without its end was cut by the end of the process: its group is compared again. */
async function readCompared(
  path: string,
  compared: Compared,
): Promise<{ readonly lines: readonly z.infer<typeof ComparedLine>[]; readonly length: number | null }> {
  const size = await stat(path).then(
    (stats) => stats.size,
    () => null,
  );
  if (size === null) return { lines: [], length: null };
  const lines = new Map<string, z.infer<typeof ComparedLine>>();
  let [length, number, rest] = [0, 0, Buffer.alloc(0)];
  for await (const chunk of createReadStream(path)) {
    rest = Buffer.concat([rest, Buffer.from(chunk as Uint8Array)]);
    for (let end = rest.indexOf(0x0a); end !== -1; end = rest.indexOf(0x0a)) {
      number += 1;
      const json = jsonIn(rest.toString('utf8', 0, end));
      const parsed = number === 1 ? null : ComparedLine.safeParse(json);
      const problem = parsed === null ? problemOf(json, compared) : parsed.success ? null : NO_LINE;
      if (problem !== null) throw new ExitError(EXIT.usage, `--out ${path}, line ${number}: ${problem}`);
      if (parsed?.success === true) lines.set(idKey(parsed.data.group), parsed.data);
      length += end + 1;
      rest = rest.subarray(end + 1);
    }
  }
  return { lines: [...lines.values()], length };
}

const NO_LINE = 'no line of rollcall diff; name another file';

/** Why the file with this first line is not to be gone on with; null: it is about the same. */
function problemOf(json: unknown, compared: Compared): string | null {
  const first = Compared.safeParse(json);
  if (!first.success) return NO_LINE;
  for (const name of ['source_topic', 'consumer_group', 'target', 'from_sha256'] as const) {
    const [former, now] = [first.data[name], compared[name]];
    if (former !== now)
      return `it compares with ${name} ${jsonText(former)}, and not with ${jsonText(now)}; name another file`;
  }
  return null;
}
