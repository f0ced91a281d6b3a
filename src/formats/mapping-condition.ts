/**
 * The conditions of a mapping. One over several values (`[*]`) decides only where it is the same for all of them: of entries that differ,
 * none may speak for the others.
 */
import type { Invalid } from '../core/change.ts';
import type { Condition } from './mapping-file.ts';
import { isInvalid, lookUp, type Scope } from './mapping-scope.ts';
import { invalid } from './reading.ts';

/** Whether all hold; `invalid` where that cannot be decided. One that does not hold decides, so that other records are skipped. */
export function allHold(conditions: readonly Condition[], scope: Scope): boolean | Invalid {
  let undecided: Invalid | null = null;
  for (const condition of conditions) {
    const holds = decide(condition, scope);
    if (holds === false) return false;
    if (holds !== true) undecided ??= holds;
  }
  return undecided ?? true;
}

function decide(condition: Condition, scope: Scope): boolean | Invalid {
  const found = lookUp(condition.path, scope);
  if (isInvalid(found)) return found;
  const { values, missing } = found;
  const first = missing > 0 ? holdsFor(undefined, condition) : holdsForFirst(values, condition);
  return values.every((value) => holdsFor(value, condition) === first) ? first : differing(condition);
}

/** An empty list is there, and nothing in it is other than null. */
const holdsForFirst = (values: readonly unknown[], condition: Condition): boolean =>
  values.length === 0 ? (condition.exists ?? condition.null ?? false) : holdsFor(values[0], condition);

/** `undefined`: the value is not there, which is as null as null. */
function holdsFor(value: unknown, { equals, in: several, exists, null: isNull }: Condition): boolean {
  if (exists !== undefined) return (value !== undefined) === exists;
  if (isNull !== undefined) return (value === undefined || value === null) === isNull;
  return several === undefined ? value === equals : several.some((wanted) => wanted === value);
}

const differing = ({ path }: Condition): Invalid =>
  invalid(
    'not_mapped',
    `The condition on ${path.text} holds for some of the values there and not for others; make each entry of the list an event of its ` +
      'own with `events`, and put the condition into `if_event`, or into `if` of `operations`.',
  );
