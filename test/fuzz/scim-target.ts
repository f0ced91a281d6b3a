/**
 * A target that can be relied on, for what has to land: groups that exist as soon as they are asked for. The good ones
 * begin empty; the others have a member that a full state may have to remove.
 */
import type { RawAnswer } from './answers.ts';
import type { Asked } from './connections.ts';
import { json } from './mutate.ts';

interface Group {
  version: number;
  readonly members: Set<string>;
}

interface Operation {
  readonly op: 'add' | 'remove';
  readonly path: string;
  readonly value?: readonly { readonly value: string }[];
}

export class ScimTarget {
  readonly #groups = new Map<string, Group>();

  members(group: string): readonly string[] {
    return [...this.#group(group).members].toSorted();
  }

  respond({ method, path, headers, body }: Asked): RawAnswer {
    if (method === 'POST') return answer(200, json({ access_token: 'token', expires_in: 86_400 }));
    const id = groupOf(path);
    const group = this.#group(id);
    if (method === 'PATCH') {
      if (headers['if-match'] !== etagOf(group)) return answer(412, Buffer.alloc(0));
      const { Operations } = JSON.parse(body ?? '') as { readonly Operations: readonly Operation[] };
      for (const operation of Operations) apply(group, operation);
      group.version += 1;
    } else if (headers['if-none-match'] === etagOf(group)) return answer(304, Buffer.alloc(0));
    const members = [...group.members].map((value) => ({ value }));
    return { ...answer(200, json({ id, members })), headers: { etag: etagOf(group) } };
  }

  #group(id: string): Group {
    const group = this.#groups.get(id) ?? {
      version: 1,
      members: new Set(id.startsWith('good-') ? [] : ['u1', 'somebody-else']),
    };
    this.#groups.set(id, group);
    return group;
  }
}

export const groupOf = (path: string): string => decodeURIComponent(path.split('/').at(-1) ?? '');

const etagOf = ({ version }: Group): string => `"${version}"`;
const answer = (status: number, body: Buffer): RawAnswer => ({ status, headers: {}, body });

function apply({ members }: Group, { op, path, value }: Operation): void {
  if (op === 'add') for (const { value: member } of value ?? []) members.add(member);
  else members.delete(JSON.parse(path.slice('members[value eq '.length, -1)) as string);
}
