/** A file for `rollcall plan` that is long, and about few memberships. */
import type { SeedInput } from '../../src/lab/sandbox/seed.ts';

const GROUPS = 100;
const USERS = 2_000;
const MEMBERS_PER_LINE = 50;

/** The groups that its lines name, without members. */
export const emptyGroups = (): SeedInput => ({
  groups: Array.from({ length: GROUPS }, (_, i) => ({ id: `group-${i}` })),
});

/** Lines of 2 kB: each user comes into, and goes out of, each group again and again. */
export function* turningLines(count: number): Generator<string> {
  for (let line = 0; line < count; line += 1) {
    const first = Math.floor(line / GROUPS) * MEMBERS_PER_LINE;
    const members = Array.from({ length: MEMBERS_PER_LINE }, (_, i) => user(first + i));
    const isAdding = Math.floor(first / USERS) % 2 === 0;
    const change = { [isAdding ? 'add_members' : 'remove_members']: members };
    yield `${JSON.stringify({ group_id: `group-${line % GROUPS}`, ...change })}\n`;
  }
}

const user = (i: number): string => `00000000-0000-4000-8000-${String(i % USERS).padStart(12, '0')}`;
