/**
 * What a value must be for a mapping to find anything in it. Where all paths go on by a name, that is an object: of anything else each
 * condition would fail, and the record be skipped for ever.
 */
import type { Invalid } from '../core/change.ts';
import type { Mapping } from './mapping-file.ts';
import type { Path, Root } from './mapping-path.ts';
import { invalid, isFields, isSerializedTwice, notAnObject } from './reading.ts';

/** Whether these must be objects. */
export interface Shapes {
  readonly value: boolean;
  /** Of a list of events. */
  readonly event: boolean;
}

export function shapesFor({ event_id: _id, occurred_at: _at, ...mapping }: Mapping): Shapes {
  const paths = pathsIn(mapping);
  const isValue = (root: Root): boolean => root === 'value' || (root === 'event' && mapping.events === undefined);
  return {
    value: wantObject(paths.filter(({ root }) => isValue(root))),
    event: mapping.events !== undefined && wantObject(paths.filter(({ root }) => root === 'event')),
  };
}

/** Paths that begin in it. */
export const wantObject = (paths: readonly Path[]): boolean =>
  paths.length > 0 && paths.every(({ steps }) => typeof steps[0] === 'string');

function pathsIn(part: unknown): readonly Path[] {
  if (isPath(part)) return [part];
  if (Array.isArray(part)) return part.flatMap(pathsIn);
  return isFields(part) ? Object.values(part).flatMap(pathsIn) : [];
}

const isPath = (part: unknown): part is Path => isFields(part) && 'root' in part && Array.isArray(part['steps']);

/** `what` is it: the value, an event, an entry. */
export function shapeProblem(json: unknown, wantsObject: boolean, what: string): Invalid | null {
  if (isSerializedTwice(json)) return notAnObject(json, `So no path of the mapping finds anything in ${what}.`);
  if (!wantsObject || isFields(json)) return null;
  const is = Array.isArray(json) ? 'a JSON list' : 'no JSON object';
  return invalid(
    'schema',
    `The paths of the mapping look for names in ${what}, which is ${is}: correct them (\`$[*]\` as \`events\` makes each entry of a list an ` +
      'event), or the producer.',
  );
}
