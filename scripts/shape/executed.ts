/** The files of src that one plain `add` runs through, by the coverage of V8. */
import type { Profiler } from 'node:inspector';
import { Session } from 'node:inspector/promises';

const root = new URL('../../', import.meta.url);

/** Between the arrival of the record and its commit; what is evaluated once, at the start, does not count. */
export async function executedByOneAdd(): Promise<readonly string[]> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    // Before the modules are loaded: functions that are compiled already may be inlined.
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
    const { addOne } = await import('./one-add.ts');
    let executed: readonly string[] = [];
    // Taking the counts sets them to zero.
    const take = () => session.post('Profiler.takePreciseCoverage');
    const isCommitted = async (): Promise<void> => {
      executed = executedFiles((await take()).result, root.href);
    };
    await addOne(async () => void (await take()), isCommitted);
    return executed;
  } finally {
    session.disconnect();
  }
}

/** Files of src, from the project's root, in which a function other than the module's top level was called. */
export function executedFiles(scripts: readonly Profiler.ScriptCoverage[], rootUrl: string): readonly string[] {
  return scripts
    .filter(({ url, functions }) => url.startsWith(`${rootUrl}src/`) && functions.some(wasCalled))
    .map(({ url }) => decodeURIComponent(url.slice(rootUrl.length).replace(/[?#].*$/, '')))
    .toSorted();
}

/** The top level of a module has no name and begins with the file. */
function wasCalled({ functionName, ranges }: Profiler.FunctionCoverage): boolean {
  const [whole] = ranges;
  return whole !== undefined && whole.count > 0 && !(functionName === '' && whole.startOffset === 0);
}
