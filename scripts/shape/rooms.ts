/** Rooms of src/ from the lowest level to the highest. A room imports its own level and lower ones; circles are counted apart. */
const levels: readonly (readonly string[])[] = [
  ['core/text'],
  ['core/change'],
  ['core/target'],
  ['core/ids', 'core/group'],
  ['core/log', 'core/report'],
  ['core/explain', 'core/notice', 'core/status'],
  ['core/drift'],
  ['ports', 'time', 'exit-codes', 'version', 'http'],
  ['formats', 'formats/*'],
  ['pipeline/state'],
  ['pipeline/intents'],
  ['pipeline/dispatch', 'pipeline/settle'],
  ['pipeline/apply', 'pipeline/partition'],
  ['pipeline'],
  ['ingest'],
  ['adapters', 'adapters/*'],
  ['admin'],
  ['config'],
  ['console'],
  ['commands'],
  ['lab'],
  ['cli'],
];

/** Their folders are rooms of their own, beside the files that stand directly in them. */
const DIVIDED = new Set(['core', 'formats', 'pipeline', 'adapters']);

/** `src/pipeline/state/member.ts` → `pipeline/state`, `src/ingest/poll/poller.ts` → `ingest`, `src/ports.ts` → `ports`. */
export function roomOf(file: string): string {
  const [, first = '', ...rest] = file.replace(/\.ts$/, '').split('/');
  const [second, ...below] = rest;
  return DIVIDED.has(first) && second !== undefined && below.length > 0 ? `${first}/${second}` : first;
}

/** 0 is the lowest. */
export function levelOf(file: string): number {
  const room = roomOf(file);
  const level = levels.findIndex((rooms) => rooms.includes(room) || rooms.includes(room.replace(/\/.*$/, '/*')));
  if (level === -1) throw new Error(`${file} stands in no known room; put '${room}' into scripts/shape/rooms.ts`);
  return level;
}
