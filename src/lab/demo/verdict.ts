/** Reads every group back from the sandbox, over HTTP, and compares it with what the events ask for. */
import { z } from 'zod';

export interface Deviation {
  readonly group: string;
  readonly missing: readonly string[];
  readonly unwanted: readonly string[];
}

export type Memberships = ReadonlyMap<string, ReadonlySet<string>>;

/** The foreign writer toggles this member, of which the events say nothing. */
export const FOREIGN_MEMBER = 'somebody-else';

const REQUESTS_AT_ONCE = 20;

const groupAnswer = z.object({ members: z.array(z.string()) });

/** @param url of the sandbox. */
export async function readMemberships(url: string, groups: readonly string[]): Promise<Memberships> {
  const found = new Map<string, ReadonlySet<string>>();
  for (let from = 0; from < groups.length; from += REQUESTS_AT_ONCE) {
    const part = groups.slice(from, from + REQUESTS_AT_ONCE);
    const members = await Promise.all(part.map((group) => fetchMembers(url, group)));
    part.forEach((group, index) => found.set(group, new Set(members[index])));
  }
  return found;
}

/** Empty if each membership is what the events say. */
export function deviations(expected: Memberships, found: Memberships): Deviation[] {
  return [...expected]
    .map(([group, wanted]) => {
      const there = found.get(group) ?? new Set<string>();
      const missing = [...wanted].filter((member) => !there.has(member));
      const unwanted = [...there].filter((member) => !wanted.has(member) && member !== FOREIGN_MEMBER);
      return { group, missing, unwanted };
    })
    .filter(({ missing, unwanted }) => missing.length + unwanted.length > 0);
}

async function fetchMembers(url: string, group: string): Promise<readonly string[]> {
  const response = await fetch(`${url}/sandbox/groups/${encodeURIComponent(group)}`);
  if (response.status === 404) return [];
  return groupAnswer.parse(await response.json()).members;
}
