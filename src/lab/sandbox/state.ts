// Everything one sandbox holds, put together from its options.
import { z } from 'zod';
import { behaviourSchema, defaultBehaviour, type Behaviour } from './behaviour.ts';
import { Timers, systemWorld, type SandboxWorld } from './clock.ts';
import { FaultRules } from './faults.ts';
import { Gates, Journal } from './journal.ts';
import { GroupStore, UserDirectory } from './directory.ts';
import { Denials, RateLimits, TokenIssuer, type LimitOptions } from './access.ts';
import { parseSeed, seedUsers, seededRandom, type Random, type SeedInput } from './seed.ts';

export type SandboxOptions = Readonly<{
  /** Default 127.0.0.1. */
  host?: string;
  /** Default 0: any free port. */
  port?: number;
  /** What clients call it, where that is not host and port. */
  publicUrl?: string;
  /** Who and what is there at the start. */
  seed?: SeedInput;
  /** Every id is a user, except `unknownUsers`. */
  users?: 'any';
  unknownUsers?: readonly string[];
  clientId?: string;
  clientSecret?: string;
  /** Default 86400, the vendor's default. */
  tokenLifetimeSeconds?: number;
  /** Requests per token; default 300 in 60 s. `off`: never refused, and the headers tell of a million. */
  limits?: 'off' | Readonly<{ allowed?: number; windowSeconds?: number }>;
  behaviour?: Partial<Behaviour>;
  /** Before each API request is handled: always so long, or drawn from the range. */
  latencyMs?: number | Readonly<{ min: number; max: number }>;
  /** Seeds everything drawn by lot; default 1. */
  randomSeed?: number;
  /** How many requests the journal remembers; default 10,000. */
  journalMax?: number;
  world?: SandboxWorld;
}>;

export type SandboxState = Readonly<{
  world: SandboxWorld;
  timers: Timers;
  groups: GroupStore;
  users: UserDirectory;
  tokens: TokenIssuer;
  limits: RateLimits;
  denials: Denials;
  rules: FaultRules;
  journal: Journal;
  gates: Gates;
  clientId: string;
  clientSecret: string;
  /** Draws the mixed behaviours. */
  mix: Random;
  latencyMs: () => number;
  behaviour: Behaviour;
  /** Throws a ZodError if a change makes no sense. */
  behave: (changes: Partial<Behaviour>) => void;
  /** Known once the server listens. */
  url: string;
  listensAt: (url: string) => void;
}>;

/** Credentials go into a line of an environment file, so they must need no quoting there. */
const credential = z.string().regex(/^[\w.~-]+$/, 'only letters, digits and . _ ~ -');

export function createState(options: SandboxOptions): SandboxState {
  const { world = systemWorld, randomSeed = 1, users: everybody } = options;
  const clientId = credential.parse(options.clientId ?? 'sandbox-client');
  const clientSecret = credential.parse(options.clientSecret ?? world.newId());
  const seed = parseSeed(options.seed ?? {}, { source: 'seed', anybody: everybody === 'any' });
  const users = new UserDirectory({ anybody: everybody === 'any', unknown: options.unknownUsers ?? [] });
  for (const user of seedUsers(seed)) users.put(user);
  const groups = new GroupStore();
  for (const group of seed.groups) groups.put(group, world.now());
  let behaviour = behaviourSchema.parse({ ...defaultBehaviour, ...options.behaviour });
  let url = '';
  return {
    world,
    timers: new Timers(world),
    groups,
    users,
    tokens: new TokenIssuer({
      clientId,
      clientSecret,
      lifetimeSeconds: options.tokenLifetimeSeconds ?? 86_400,
      newToken: world.newId,
    }),
    limits: new RateLimits(limitOptions(options.limits ?? {})),
    denials: new Denials(),
    rules: new FaultRules(seededRandom(randomSeed, 1)),
    journal: new Journal({ keepMax: options.journalMax ?? 10_000 }),
    gates: new Gates(),
    clientId,
    clientSecret,
    mix: seededRandom(randomSeed, 2),
    latencyMs: latencyOf(options.latencyMs ?? 0, seededRandom(randomSeed, 3)),
    get behaviour() {
      return behaviour;
    },
    behave: (changes) => {
      behaviour = behaviourSchema.parse({ ...behaviour, ...changes });
    },
    get url() {
      return url;
    },
    listensAt: (now) => {
      url = now;
    },
  };
}

function limitOptions(limits: NonNullable<SandboxOptions['limits']>): LimitOptions {
  if (limits === 'off') return { allowed: 1_000_000, windowSeconds: 60, enforced: false };
  return { allowed: limits.allowed ?? 300, windowSeconds: limits.windowSeconds ?? 60, enforced: true };
}

function latencyOf(latency: NonNullable<SandboxOptions['latencyMs']>, random: Random): () => number {
  if (typeof latency === 'number') return () => latency;
  return () => Math.round(latency.min + random() * (latency.max - latency.min));
}
