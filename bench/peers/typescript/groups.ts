/** Memberships of the target's groups, changed by GET and PATCH with If-Match: only what the group is not yet is sent. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpAnswer, HttpClient } from './http.ts';

/** By member: true adds, false removes. */
export type MemberChanges = ReadonlyMap<string, boolean>;

type Change = readonly [member: string, isMember: boolean];

interface Snapshot {
  readonly etag: string;
  readonly members: ReadonlySet<string>;
}

/** The directory API beneath SCIM takes no more members a request. */
const MEMBERS_PER_PATCH = 50;
const GARBAGE_PAUSE_MS = 1_000;

export class Groups {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /** Resolves when the group is as asked, or the target has refused what is not; a refused change is logged. */
  async change(group: string, wanted: MemberChanges): Promise<void> {
    const refused = new Set<string>();
    let membersMax = MEMBERS_PER_PATCH;
    let snapshot: Snapshot | null = null;
    for (;;) {
      snapshot ??= await this.#read(group);
      if (snapshot === null) return;
      const left: readonly Change[] = missing(wanted, snapshot.members).filter(([member]) => !refused.has(member));
      if (left.length === 0) return;
      const chunk: readonly Change[] = left.slice(0, membersMax);
      const answer = await this.#patch(group, snapshot.etag, chunk);
      if (answer.status < 300 && answer.etag !== null) {
        if (chunk.length === left.length) return;
        snapshot = { etag: answer.etag, members: changed(snapshot.members, chunk) };
      } else if (answer.status < 300 || isVersionConflict(answer)) {
        // A success without an ETag may be a proxy's: the group is read again.
        snapshot = null;
      } else if (chunk.length > 1) {
        // One unknown member refuses the whole request: halved until it is alone.
        membersMax = Math.ceil(chunk.length / 2);
      } else {
        for (const [member] of chunk) refused.add(member);
        console.error(`group ${group}: ${chunk.join(' ')} is refused with ${answer.status}: ${answer.body}`);
      }
    }
  }

  /** null: the target refuses to show it. */
  async #read(group: string): Promise<Snapshot | null> {
    for (;;) {
      const answer = await this.#http.send({ method: 'GET', path: pathOf(group) });
      if (answer.status !== 200) {
        console.error(`group ${group} is refused with ${answer.status}: ${answer.body}`);
        return null;
      }
      const snapshot = readGroup(answer);
      if (snapshot !== null) return snapshot;
      await sleep(GARBAGE_PAUSE_MS);
    }
  }

  #patch(group: string, etag: string, changes: readonly Change[]): Promise<HttpAnswer> {
    const headers = { 'content-type': 'application/scim+json', 'if-match': etag };
    return this.#http.send({ method: 'PATCH', path: pathOf(group), headers, body: patchBody(changes) });
  }
}

interface GroupResource {
  readonly meta: { readonly version: string };
  readonly members?: readonly { readonly value: string }[] | null;
}

/** null: the body is cut off, or no group. */
function readGroup({ etag, body }: HttpAnswer): Snapshot | null {
  try {
    const { meta, members } = JSON.parse(body) as GroupResource;
    return { etag: etag ?? `"${meta.version}"`, members: new Set(members?.map(({ value }) => value)) };
  } catch {
    return null;
  }
}

export const pathOf = (group: string): string => `/api/v2/scim/v2/groups/${encodeURIComponent(group)}`;

/** A remove of the bare attribute would take every member (RFC 7644 section 3.5.2.2), so each has an operation of its own. */
export function patchBody(changes: readonly Change[]): string {
  const added = changes.filter(([, isMember]) => isMember).map(([member]) => ({ value: member }));
  const removals = changes
    .filter(([, isMember]) => !isMember)
    .map(([member]) => ({ op: 'remove', path: `members[value eq ${JSON.stringify(member)}]` }));
  return JSON.stringify({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [...(added.length > 0 ? [{ op: 'add', path: 'members', value: added }] : []), ...removals],
  });
}

const missing = (wanted: MemberChanges, members: ReadonlySet<string>): readonly Change[] =>
  [...wanted].filter(([member, isMember]) => members.has(member) !== isMember);

function changed(members: ReadonlySet<string>, changes: readonly Change[]): ReadonlySet<string> {
  const after = new Set(members);
  for (const [member, isMember] of changes) {
    if (isMember) after.add(member);
    else after.delete(member);
  }
  return after;
}

/** The vendor documents 400 with scimType invalidVers and 409; 412 is RFC 9110's. */
const isVersionConflict = ({ status, body }: HttpAnswer): boolean =>
  status === 409 ||
  status === 412 ||
  (status === 400 && (body.includes('"invalidVers"') || /does not match (the )?current version/i.test(body)));
