/** Files of `rollcall diff`: the full states that are wanted, and the lines of groups that were compared. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { appendPrivateFile, type AppendedFile } from '../adapters/private-file.ts';
import { distinctIds, idKey } from '../core/change/change.ts';
import { jsonIn } from '../core/text/json.ts';
import { errorText, visible } from '../core/text/visible.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import { native } from '../formats/native/native.ts';
import type { z } from 'zod';
import type { CommandContext } from './command-context.ts';
import type { WantedGroups } from './drift.ts';
import { ComparedLine } from './drift-text.ts';
import { readLines } from './file-source.ts';

/**
 * Full states of the native format, one a line; of several of a group the last counts.
 * @throws ExitError for a line that is none: half a list of who is wanted would call the rest extra.
 */
export async function readWanted(
  file: string,
  context: Pick<CommandContext, 'stdin'>,
): Promise<{ readonly wanted: WantedGroups; readonly spellings: readonly string[] }> {
  const wanted = new Map<string, ReadonlyMap<string, string>>();
  const spellings = new Map<string, string>();
  for await (const { index, bytes } of readLines(file, context)) {
    if (bytes === null) continue;
    const [event] = native.decode({ key: null, value: bytes, headers: [] }, { partitionCount: 1 });
    if (event.kind !== 'state') {
      const why = event.kind === 'invalid' ? visible(event.message) : 'it is no full state';
      const remedy = 'each line must be {"group_id":"…","members":["…"],"complete":true}';
      throw new ExitError(EXIT.usage, `${file}, line ${index + 1}: ${why}; ${remedy}`);
    }
    wanted.set(idKey(event.group), distinctIds(event.members));
    spellings.set(idKey(event.group), event.group);
  }
  return { wanted, spellings: [...spellings.values()] };
}

/** Where lines of compared groups go, and what it held before. */
export interface ComparedFile extends AppendedFile {
  /** The last line of each group. */
  readonly former: readonly z.infer<typeof ComparedLine>[];
}

/** @throws ExitError where it is there and not to be gone on with, or cannot be used. */
export async function openCompared(path: string, isResumed: boolean): Promise<ComparedFile> {
  try {
    const { lines, length } = isResumed ? await readCompared(path) : { lines: [], length: null };
    return { ...(await appendPrivateFile(path, length)), former: lines };
  } catch (error) {
    if (error instanceof ExitError) throw error;
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    const why = isThere ? 'is there already: go on with it by --resume, or name another file' : errorText(error);
    throw new ExitError(EXIT.usage, `--out ${path}: ${why}`, { cause: error });
  }
}

/** A last line without its end was cut by the end of the process: its group is compared again. */
async function readCompared(
  path: string,
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
      const parsed = ComparedLine.safeParse(jsonIn(rest.toString('utf8', 0, end)));
      if (!parsed.success)
        throw new ExitError(EXIT.usage, `--out ${path}, line ${number}: no line of rollcall diff; name another file`);
      lines.set(idKey(parsed.data.group), parsed.data);
      length += end + 1;
      rest = rest.subarray(end + 1);
    }
  }
  return { lines: [...lines.values()], length };
}
