/** Ids as tables and applications write them: a text, or a whole number, which becomes text. */
import type { Invalid } from '../../core/change/change.ts';
import { isSameId } from '../../core/change/id-key.ts';
import { badId, invalid, quote, type Fields } from './reading.ts';
import { isObject } from '../../core/text/json.ts';

/** What a field holds: an id, nothing, or something that can be none. */
export type FoundId =
  | { readonly kind: 'id'; readonly id: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'bad'; readonly problem: Invalid };

const NONE: FoundId = { kind: 'none' };

/** `field` names it in the message. An empty text counts as none: that is how databases fill what they do not tell. */
export function foundId(value: unknown, field: string): FoundId {
  if (value === undefined || value === null || value === '') return NONE;
  if (typeof value === 'string') return { kind: 'id', id: value };
  if (typeof value !== 'number' || !Number.isInteger(value)) return { kind: 'bad', problem: badId(field, 'schema') };
  if (Number.isSafeInteger(value)) return { kind: 'id', id: String(value) };
  // What was written there is lost: JSON.parse has rounded it to another id.
  const message = `${field} is a number beyond 2^53, which JSON readers round to another one; send it as a text.`;
  return { kind: 'bad', problem: invalid('id_rounded', message) };
}

/** The one id under any of these names; names that disagree are no id. */
export function idUnder(fields: Fields, names: readonly string[]): FoundId {
  let found: FoundId = NONE;
  for (const name of names) {
    const value = fields[name];
    const here = isObject(value) ? idOfObject(value, names, name) : foundId(value, `\`${name}\``);
    if (here.kind === 'bad') return here;
    if (here.kind === 'none') continue;
    if (found.kind === 'id' && !isSameId(found.id, here.id)) return disagreement(found.id, here.id);
    found = here;
  }
  return found;
}

/**
 * Of an object that is one of `names` its `id`, or what it names by one of them. A membership with an id of its own names its user beside it
 * (FusionAuth: `{"id","groupId","userId"}`): two that disagree are no id.
 */
export function idOfObject(object: Fields, names: readonly string[], field: string): FoundId {
  let found = foundId(object['id'], `\`${field}\``);
  for (const name of names) {
    if (found.kind === 'bad') return found;
    const value = object[name];
    const inner = foundId(isObject(value) ? value['id'] : value, `\`${name}\``);
    if (inner.kind === 'none') continue;
    if (found.kind === 'id' && inner.kind === 'id' && !isSameId(found.id, inner.id))
      return disagreement(found.id, inner.id);
    found = inner;
  }
  return found;
}

const disagreement = (one: string, other: string): FoundId => ({
  kind: 'bad',
  problem: invalid('alias_conflict', `The event names both ${quote(one)} and ${quote(other)}; send one of them.`),
});
