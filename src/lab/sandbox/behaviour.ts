// What the vendor's documents leave open about SCIM groups (docs/genesys.md), as switches. Each default is what they say,
// or, where they say nothing, what is hardest on a client.
import { z } from 'zod';

export const behaviourSchema = z.strictObject({
  /** A stale If-Match. 400 with scimType invalidVers is the vendor's parameter text, 409 its response table, 412 RFC 7644. */
  conflict: z.enum(['400', '409', '412', 'mixed']),
  /** A member that is no user: 400 invalidValue or 404. */
  unknownMember: z.enum(['400', '404']),
  /** Removing a member that is not there: nothing to do, or 400 noTarget. */
  removeAbsent: z.enum(['ignored', 'noTarget']),
  /** What a successful PATCH answers: 200 with the group (with or without ETag header, or any version), or 204 (with or without). */
  patchAnswer: z.enum(['group', 'groupWithoutEtag', 'groupWithoutVersion', 'empty', 'emptyWithoutEtag']),
  /** How answers list members: all; no more than the first 100; not at all, the list left out or null; or by seed. */
  memberList: z.enum(['whole', 'cut', 'absent', 'null', 'mixed']),
  /**
   * The ETag header, and what If-Match has to say: the version; a weak tag as it was sent; the version, though a proxy
   * adds `-gzip` to the header or hashes it; `unusable`: a proxy changes If-Match too, so that no version fits.
   */
  versionTag: z.enum(['strong', 'weak', 'suffixed', 'hashed', 'unusable']),
  /** Whether two spellings of a UUID are two members. */
  letterCase: z.enum(['exact', 'ignored']),
  /** Whether a PATCH that changes nothing moves the version. */
  versionOnNoop: z.enum(['stays', 'moves']),
  /** SCIM errors for SCIM reasons and platform bodies for the rest (vendor), or one shape for all, or by seed. */
  errorShape: z.enum(['vendor', 'scim', 'platform', 'mixed']),
  /** The SDK documents that a page over 25 "may exceed internal resource limits and return a 429". */
  largePages: z.enum(['refused', 'allowed']),
  /** A server that takes a filter and does not apply it. */
  filters: z.enum(['applied', 'ignored']),
  /** Whether a filter by another attribute than `active` finds inactive users too; the vendor's list without one does not. */
  inactiveUsers: z.enum(['hidden', 'shown']),
  /** `a eq "x" and b eq "y"`: nothing documents that the vendor understands it. */
  twoConditions: z.enum(['refused', 'applied']),
  /** Counted over all operations of a request; 50 is the documented limit of the directory API beneath. */
  maxMembersPerPatch: z.int().min(1),
  maxBodyBytes: z.int().min(1),
});

export type Behaviour = Readonly<z.infer<typeof behaviourSchema>>;

export const defaultBehaviour: Behaviour = {
  conflict: '400',
  unknownMember: '400',
  removeAbsent: 'ignored',
  patchAnswer: 'group',
  memberList: 'whole',
  versionTag: 'strong',
  letterCase: 'exact',
  versionOnNoop: 'stays',
  errorShape: 'vendor',
  largePages: 'refused',
  filters: 'applied',
  inactiveUsers: 'hidden',
  twoConditions: 'refused',
  maxMembersPerPatch: 50,
  maxBodyBytes: 1_000_000,
};
