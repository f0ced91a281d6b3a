/**
 * Room core/ids: what ids of the identity provider resolve to.
 * Not here: asking for them (adapters/ids).
 *
 * What an answer of the id map means for the changes that wait for it.
 */
import type { Failure } from '../target/refusals.ts';
import type { Intent } from '../change/change.ts';
import { BY_ITSELF, cutText } from '../target/refusals.ts';

/** What an id of the identity provider is called at the target, as far as a look-up showed. */
export type SureResolution =
  | { readonly kind: 'found'; readonly id: string; readonly isActive: boolean }
  /** The target was asked and has none; it may be provisioned later. */
  | { readonly kind: 'missing' }
  /** The table does not name it, which says nothing about the target. */
  | { readonly kind: 'unmapped' }
  /** The target has several of that name. */
  | { readonly kind: 'ambiguous' }
  /** Another group of the source has the same target: the full states of the two would undo each other. */
  | {
      readonly kind: 'shared';
      /** By look-ups: the name that has the target, because it was met first. */
      readonly first?: string;
    }
  /** The look-up returns a group whose own answers show another name. */
  | ({ readonly kind: 'renamed' } & RenamedGroup);

/** A group of the target that has two names, as its answers say. */
export interface RenamedGroup {
  /** At the target. */
  readonly id: string;
  /** The name that the look-up returned. */
  readonly displayName: string;
  /** The name that answers of the group itself show. */
  readonly shown: string;
}

/** What the target calls the groups that were looked up by name. Groups are named as the source names them. */
export interface GroupNames {
  /** The name that the target returned with the id of the group; null: it is not known. */
  lookedUp(group: string): string | null;
  /**
   * An answer of the target shows another name for the group than its look-up returned. What the look-up said is dropped
   * and may be asked again, once in 30 s; until then the group is `renamed`.
   */
  noteRenamed(group: string, seen: RenamedGroup): void;
}

/** Ids of users that were looked up. Users are named as the source names them. */
export interface UserIds {
  /** How long ago the id was looked up, in ms; null: it is not known. */
  ageMs(user: string): number | null;
  /**
   * The target has refused this id, alone, as one that it does not know: the user may have been deleted and created again.
   * What the look-up said is dropped, and may be asked again.
   */
  noteUnknown(user: string, target: string): void;
}

/** What an id map that looks up knows besides. */
export interface LookUpMemory {
  /** Where groups are looked up by their names; absent: there is no name to compare an answer with. */
  readonly groupNames?: GroupNames;
  /** Where users are looked up; absent: what is known of them changes with its table. */
  readonly userIds?: UserIds;
}

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

/** An unknown user can neither be added nor removed; an inactive user can be removed. */
export function targetFor(op: Intent['op'], resolution: SureResolution): string | null {
  const { target, canJoin } = resolved(resolution);
  return canJoin || op === 'remove' ? target : null;
}

export type IdKind = 'user' | 'group';

/** Why nothing can be sent for it yet. */
export const unresolvedFailure = (kind: IdKind, resolution: Exclude<SureResolution, { kind: 'found' }>): Failure => ({
  ...reasonOf(kind, resolution),
  status: null,
  scimType: null,
});

function reasonOf(
  kind: IdKind,
  resolution: Exclude<SureResolution, { kind: 'found' }>,
): Pick<Failure, 'code' | 'message' | 'advice'> {
  switch (resolution.kind) {
    case 'missing':
      return {
        code: `${kind}_missing`,
        message: `Genesys Cloud has no ${kind} of this id.`,
        advice: `Provision the ${kind} in Genesys Cloud, or correct ID_MAP_${kind.toUpperCase()}_ATTRIBUTE${BY_ITSELF}`,
      };
    case 'unmapped':
      return {
        code: `${kind}_unmapped`,
        message: `The table of ID_MAP does not name this ${kind}.`,
        advice: `Add the ${kind} to the table of ID_MAP${BY_ITSELF}`,
      };
    case 'ambiguous':
      return {
        code: `${kind}_ambiguous`,
        message: `Genesys Cloud has several ${kind}s of this id.`,
        advice: `Choose an attribute for ID_MAP_${kind.toUpperCase()}_ATTRIBUTE that is unique.`,
      };
    case 'shared':
      return { code: `${kind}_ambiguous`, ...sharedReason(resolution.first) };
    case 'renamed':
      return {
        code: `${kind}_renamed`,
        message: cutText(
          `Genesys Cloud finds group ${resolution.id} by the name ${JSON.stringify(resolution.displayName)}, but the group shows the name ${JSON.stringify(resolution.shown)}.`,
        ),
        advice: `Wait until searches in Genesys Cloud show the new name, or give the group the name that the source uses${BY_ITSELF}`,
      };
  }
}

const sharedReason = (first: string | undefined): Pick<Failure, 'message' | 'advice'> =>
  first === undefined
    ? {
        message: `The table of ID_MAP gives another group the same genesys_id.`,
        advice: `Keep one row for this genesys_id in the table of ID_MAP${BY_ITSELF}`,
      }
    : {
        message: cutText(
          `Genesys Cloud finds the same group for ${JSON.stringify(first)}, another group of the source.`,
        ),
        advice: `Let one group of the source have this name, and wait for an hour after the last change of the other group${BY_ITSELF}`,
      };

/** Why no request can name the member, where `targetFor` is null. */
export const memberFailure = (resolution: SureResolution): Failure =>
  resolution.kind === 'found' ? inactiveFailure : unresolvedFailure('user', resolution);

/** An inactive user may be removed, but is added only once it is active (genesys.md 8.2: soft delete makes users inactive). */
const inactiveFailure: Failure = {
  code: 'user_inactive',
  message: 'The user is inactive in Genesys Cloud.',
  status: null,
  scimType: null,
  advice: `Activate the user in Genesys Cloud${BY_ITSELF}`,
};

/** What a look-up returned and an answer of the group shows; null: they agree, or there is nothing to compare. */
export function renamedGroup(
  { target, targetName }: { readonly target: string | null; readonly targetName: string | null },
  shown: string | null,
): RenamedGroup | null {
  if (target === null || targetName === null || shown === null || shown === targetName) return null;
  return { id: target, displayName: targetName, shown };
}
