// The file that says which users and groups a sandbox starts with.
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { userFields } from './directory.ts';

const id = z.string().min(1).max(256);

const seedShape = z.strictObject({
  users: z.array(z.strictObject({ id, ...userFields })).optional(),
  /** Instead of a list: the users user-1 … user-N. */
  userCount: z.int().min(0).max(1_000_000).optional(),
  groups: z
    .array(
      z.strictObject({
        id,
        displayName: z.string().min(1).optional(),
        members: z.array(id).default([]),
        /** Further members, which are groups. */
        nested: z.array(id).optional(),
        version: z.int().min(1).optional(),
      }),
    )
    .default([]),
});

export type SandboxSeed = Readonly<z.output<typeof seedShape>>;
/** What a seed file, or an option, may say. */
export type SeedInput = Readonly<z.input<typeof seedShape>>;

/** A seed that cannot be used; the message names the source and every problem. */
export class SeedError extends Error {
  override readonly name = 'SeedError';
}

export async function readSeed(path: string, options = { anybody: false }): Promise<SandboxSeed> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new SeedError(`${path}: cannot be read`, { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SeedError(`${path}: not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  return parseSeed(value, { source: path, anybody: options.anybody });
}

/** With `anybody` members need not be listed as users. Throws a SeedError. */
export function parseSeed(value: unknown, options: { source: string; anybody: boolean }): SandboxSeed {
  const parsed = seedShape.safeParse(value);
  if (!parsed.success) throw new SeedError(`${options.source}: ${z.prettifyError(parsed.error)}`);
  const problems = findProblems(parsed.data, options.anybody ? 'anybody' : 'listed');
  if (problems.length > 0) throw new SeedError(`${options.source}: ${problems.join('; ')}`);
  return parsed.data;
}

/** The users of a seed, listed or counted. */
export function seedUsers(seed: SandboxSeed): NonNullable<SandboxSeed['users']> {
  const counted = Array.from({ length: seed.userCount ?? 0 }, (_, index) => ({ id: `user-${index + 1}` }));
  return [...(seed.users ?? []), ...counted];
}

function findProblems(seed: SandboxSeed, members: 'anybody' | 'listed'): readonly string[] {
  const users = new Set(seedUsers(seed).map((user) => user.id));
  const problems = [
    ...(seed.users && seed.userCount !== undefined ? ['give either users or userCount'] : []),
    ...duplicates((seed.users ?? []).map((user) => user.id)).map(
      (user) => `user ${JSON.stringify(user)} is listed twice`,
    ),
    ...duplicates(seed.groups.map((group) => group.id)).map(
      (group) => `group ${JSON.stringify(group)} is listed twice`,
    ),
  ];
  if (members === 'anybody') return problems;
  const strangers = seed.groups.flatMap((group) =>
    group.members
      .filter((member) => !users.has(member))
      .map((member) => `member ${JSON.stringify(member)} of group ${JSON.stringify(group.id)} is not among the users`),
  );
  return [...problems, ...strangers];
}

function duplicates(ids: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const one of ids) (seen.has(one) ? twice : seen).add(one);
  return [...twice];
}

// A seeded pseudo-random stream (mulberry32), so that a sandbox does the same things for the same requests.

export type Random = () => number;

/** Numbers in [0, 1). Streams of one seed under different salts do not disturb each other. */
export function seededRandom(seed: number, salt = 0): Random {
  let state = (seed ^ Math.imul(salt + 1, 0x9e3779b9)) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export function pick<T>(random: Random, choices: readonly [T, ...T[]]): T {
  return choices[Math.floor(random() * choices.length)] ?? choices[0];
}
