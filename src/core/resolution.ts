/** What an answer of the id map means for whoever waits for it. */
import type { Intent } from './change.ts';
import type { Failure } from './outcome.ts';

/** What an id of the identity provider is called at the target, as far as a look-up told. */
export type SureResolution =
  | { readonly kind: 'found'; readonly id: string; readonly isActive: boolean }
  /** The target was asked and has none; it may be provisioned later. */
  | { readonly kind: 'missing' }
  /** The table does not name it, which says nothing about the target. */
  | { readonly kind: 'unmapped' }
  /** The target has several of that name. */
  | { readonly kind: 'ambiguous' }
  /** Another group of the source has the same target: the full states of the two would undo each other. */
  | { readonly kind: 'shared' };

export interface Resolved {
  /** null: there is none that a request could name. */
  readonly target: string | null;
  /** false: it can be removed, but not added (yet). */
  readonly canJoin: boolean;
}

export const resolved = (resolution: SureResolution): Resolved => ({
  target: resolution.kind === 'found' ? resolution.id : null,
  canJoin: resolution.kind === 'found' && resolution.isActive,
});

/** Whom nobody knows can neither be added nor removed; an inactive user can be removed. */
export function targetFor(op: Intent['op'], resolution: SureResolution): string | null {
  const { target, canJoin } = resolved(resolution);
  return canJoin || op === 'remove' ? target : null;
}

export type IdKind = 'user' | 'group';

const FAILURES: Readonly<
  Record<Exclude<SureResolution['kind'], 'found'>, (kind: IdKind) => Pick<Failure, 'code' | 'message' | 'advice'>>
> = {
  missing: (kind) => ({
    code: `${kind}_missing`,
    message: `Genesys Cloud has no ${kind} of this id.`,
    advice: `Provision the ${kind} in Genesys Cloud, or correct ID_MAP_${kind.toUpperCase()}_ATTRIBUTE; it lands by itself then.`,
  }),
  unmapped: (kind) => ({
    code: `${kind}_unmapped`,
    message: `The table of ID_MAP does not name this ${kind}.`,
    advice: `Add the ${kind} to the table of ID_MAP; it lands by itself then.`,
  }),
  ambiguous: (kind) => ({
    code: `${kind}_ambiguous`,
    message: `Genesys Cloud has several ${kind}s of this id.`,
    advice: `Choose an attribute for ID_MAP_${kind.toUpperCase()}_ATTRIBUTE that is unique.`,
  }),
  shared: (kind) => ({
    code: `${kind}_ambiguous`,
    message: `The table of ID_MAP gives another ${kind} the same genesys_id.`,
    advice: 'Keep one row for this genesys_id in the table of ID_MAP; the change lands by itself then.',
  }),
};

/** Why nothing can be sent for it yet. */
export const unresolvedFailure = (kind: IdKind, resolution: Exclude<SureResolution, { kind: 'found' }>): Failure => ({
  ...FAILURES[resolution.kind](kind),
  status: null,
  scimType: null,
});

/** Why no request can name the member, where `targetFor` is null. */
export const memberFailure = (resolution: SureResolution): Failure =>
  resolution.kind === 'found' ? inactiveFailure : unresolvedFailure('user', resolution);

/** An inactive user may be removed, but is added only once it is active (facts.md 8: soft delete makes users inactive). */
const inactiveFailure: Failure = {
  code: 'user_inactive',
  message: 'The user is inactive in Genesys Cloud.',
  status: null,
  scimType: null,
  advice: 'Activate the user in Genesys Cloud; the change lands by itself then.',
};
