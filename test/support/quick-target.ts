/** A target in memory without HTTP, for histories of very many groups: a group is there as soon as it is asked for. */
import type { HttpAnswer, ResponseAnswer } from '../../src/core/target/refusals.ts';
import type { GetGroupRequest, GroupApi, PatchGroupRequest } from '../../src/ports.ts';
import { CountingGate } from './counting-gate.ts';

const response = (status: number, body?: object): ResponseAnswer => ({
  kind: 'response',
  status,
  etag: null,
  retryAfterMs: null,
  body,
  empty: body === undefined,
  correlationId: null,
  sentAt: 0,
  durationMs: 0,
});

const refused = response(400, {
  schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
  status: '400',
  scimType: 'invalidValue',
  detail: 'there is no such user',
});

/** Whose names begin so is unknown to it. */
const UNKNOWN = 'unknown';

export class QuickTarget implements GroupApi {
  readonly gate = new CountingGate();
  /** The first PATCH of each group is answered with 503. */
  failsFirst = false;
  /** A PATCH is answered with the new version alone, so that an answer is as large as its request. */
  isBrief = false;
  readonly #groups = new Map<string, { version: number; isTried: boolean; readonly members: Set<string> }>();

  members(id: string): readonly string[] {
    return [...this.#group(id).members];
  }

  /** They are in the group from the start. */
  seed(id: string, members: Iterable<string>): void {
    for (const member of members) this.#group(id).members.add(member);
  }

  async getGroup({ group, ifNoneMatch }: GetGroupRequest): Promise<HttpAnswer> {
    this.gate.used();
    await turn();
    return ifNoneMatch === versionOf(this.#group(group)) ? response(304) : this.#shown(group);
  }

  async patchGroup({ group: id, ifMatch, body }: PatchGroupRequest): Promise<HttpAnswer> {
    this.gate.used();
    await turn();
    const group = this.#group(id);
    const isFirst = !group.isTried;
    group.isTried = true;
    if (isFirst && this.failsFirst) return response(503);
    if (ifMatch !== versionOf(group)) return response(412);
    const added = body.Operations.flatMap(({ value }) => value ?? []);
    if (added.some(({ value }) => value.startsWith(UNKNOWN))) return refused;
    for (const { value } of added) group.members.add(value);
    for (const { op, path } of body.Operations) {
      const member = /"(.*)"/.exec(path)?.[1];
      if (op === 'remove' && member !== undefined) group.members.delete(member);
    }
    group.version += 1;
    return this.isBrief ? { ...response(204), etag: versionOf(group) } : this.#shown(id);
  }

  async search(): Promise<HttpAnswer> {
    return response(404);
  }

  async ensureToken(): Promise<null> {
    return null;
  }

  async close(): Promise<void> {}

  #group(id: string) {
    const group = this.#groups.get(id) ?? { version: 1, isTried: false, members: new Set<string>() };
    this.#groups.set(id, group);
    return group;
  }

  #shown(id: string): ResponseAnswer {
    const group = this.#group(id);
    const members = [...group.members].map((value) => ({ value }));
    return response(200, { id, meta: { version: versionOf(group) }, members });
  }
}

const versionOf = ({ version }: { readonly version: number }): string => `"${version}"`;

/** An answer comes in a later turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
