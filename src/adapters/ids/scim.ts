/**
 * `ID_MAP=scim`: asks the target, users by externalId, userName or email, groups by displayName. One request per id that
 * is not cached; who is not found is looked for among the inactive users too. Who is missing, ambiguous or inactive may not
 * be so for long, so that is remembered for half a minute only; so is a group that another group of the source has already,
 * or that shows another name than its look-up (noteRenamed).
 */
import { idKey, isSameId } from '../../core/change/change.ts';
import {
  hidesAttribute,
  isSameName,
  judgeResources,
  searchFor,
  type GroupAttribute,
  type LookUpAttribute,
  type Sought,
  type UserAttribute,
} from '../../core/ids/look-up.ts';
import type { GroupNames, IdKind, RenamedGroup, SureResolution, UserIds } from '../../core/ids/resolution.ts';
import type { Clock, GroupApi, IdMap, Logger, MayStart, Resolution } from '../../ports.ts';
import { Asking, InactiveUsers } from './inactive-users.ts';

const FOUND_KEEP_MS = 3_600_000;
const OTHERS_KEEP_MS = 30_000;
/** Users and groups in all; about 30 MB. */
const FOUND_MAX = 100_000;
const OTHERS_MAX = 20_000;

/** What ids are found by. */
export interface LookUpAttributes {
  readonly userAttribute: UserAttribute;
  /** `id`: the source names groups by the target's own ids. */
  readonly groupAttribute: GroupAttribute;
}

export interface ScimDependencies {
  readonly api: Pick<GroupApi, 'gate' | 'search'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface UnderWay {
  readonly result: Promise<Resolution>;
  /** Of everybody who waits for it: it may start as long as one of them may. */
  readonly mayStart: MayStart[];
}

interface Renamed extends RenamedGroup {
  /** When an answer showed it, monotonic ms. */
  readonly seenAt: number;
  /** Of the last look-up since then; null: none. */
  readonly lookedUpAt: number | null;
}

/** What the target says of one id; `displayName` of a group. */
interface LookedUp {
  readonly resolution: Resolution;
  readonly displayName: string | null;
}

export class ScimIdMap implements IdMap {
  readonly groupNames: GroupNames = {
    lookedUp: (group) => this.#claims.use(group, this.#now)?.displayName ?? null,
    noteRenamed: (group, seen) => this.#noteRenamed(group, seen),
  };
  readonly userIds: UserIds = {
    ageMs: (user) => this.#ageMs(user),
    noteUnknown: (user, target) => this.#noteUnknown(user, target),
  };
  readonly #attributes: Readonly<Record<IdKind, LookUpAttribute | 'id'>>;
  readonly #asking: Asking;
  readonly #inactive: InactiveUsers;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #found = new ExpiringCache<Resolution>(FOUND_MAX);
  readonly #others = new ExpiringCache<Resolution>(OTHERS_MAX);
  readonly #underWay = new Map<string, UnderWay>();
  readonly #claims = new GroupClaims(FOUND_MAX, FOUND_KEEP_MS);
  /** By the source's name of the group. */
  readonly #renamed = new ExpiringCache<Renamed>(OTHERS_MAX);

  constructor({ userAttribute, groupAttribute }: LookUpAttributes, { api, clock, logger }: ScimDependencies) {
    this.#attributes = { user: userAttribute, group: groupAttribute };
    this.#asking = new Asking(api);
    this.#inactive = new InactiveUsers(userAttribute, { asking: this.#asking, clock, logger });
    this.#clock = clock;
    this.#logger = logger;
  }

  known(kind: IdKind, id: string): Resolution | null {
    if (this.#attributes[kind] === 'id') return { kind: 'found', id, isActive: true };
    const now = this.#clock.now().monotonic;
    if (kind === 'group') this.#claims.use(id, now);
    const key = keyOf(kind, id);
    return this.#found.get(key, now) ?? this.#others.get(key, now);
  }

  async lookUp(kind: IdKind, id: string, mayStart: MayStart): Promise<Resolution> {
    const known = this.known(kind, id);
    const attribute = this.#attributes[kind];
    if (known !== null || attribute === 'id') return known ?? { kind: 'found', id, isActive: true };
    const key = keyOf(kind, id);
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) {
      underWay.mayStart.push(mayStart);
      return underWay.result;
    }
    const waiting = [mayStart];
    const result = this.#resolve(kind, { attribute, value: id }, () => waiting.some((may) => may()));
    this.#underWay.set(key, { result, mayStart: waiting });
    try {
      return await result;
    } finally {
      this.#underWay.delete(key);
    }
  }

  /** What is provisioned is seen at the next look-up. */
  onChange(): void {}

  async close(): Promise<void> {}

  get #now(): number {
    return this.#clock.now().monotonic;
  }

  async #resolve(kind: IdKind, sought: Sought, mayStart: MayStart): Promise<Resolution> {
    const lookedUp = await this.#ask(sought, mayStart);
    const resolution = kind === 'group' ? this.#judgeGroup(sought.value, lookedUp) : lookedUp.resolution;
    this.#remember(keyOf(kind, sought.value), resolution);
    return resolution;
  }

  async #ask(sought: Sought, mayStart: MayStart): Promise<LookedUp> {
    const asked = await this.#asking.ask(searchFor(sought), mayStart);
    if (asked.kind === 'unanswered') return { resolution: asked, displayName: null };
    const { list } = asked;
    if (hidesAttribute(list, sought.attribute)) {
      this.#logger.warn(
        { attribute: sought.attribute },
        'the target lists no user with the attribute that was asked for',
      );
    }
    const resolution = judgeResources(list.resources, sought);
    if (sought.attribute === 'displayName') {
      const group = resolution.kind === 'found' ? list.resources.find(({ id }) => id === resolution.id) : undefined;
      return { resolution, displayName: group?.displayName ?? null };
    }
    if (resolution.kind !== 'missing') return { resolution, displayName: null };
    return { resolution: await this.#inactive.find(sought.value, mayStart), displayName: null };
  }

  #judgeGroup(name: string, { resolution, displayName }: LookedUp): Resolution {
    if (resolution.kind === 'unanswered') return resolution;
    const now = this.#now;
    const renamed = this.#renamed.get(name, now);
    if (renamed !== null) this.#renamed.set(name, { ...renamed, lookedUpAt: now }, now + FOUND_KEEP_MS);
    if (resolution.kind !== 'found' || displayName === null) {
      this.#claims.release(name, now);
      return resolution;
    }
    const isRenamed = renamed !== null && now - renamed.seenAt < OTHERS_KEEP_MS && isSameId(renamed.id, resolution.id);
    if (isRenamed && !isSameName(displayName, renamed.shown)) return { kind: 'renamed', ...groupOf(renamed) };
    // Searches may spell a name in another way than the group itself for good.
    const group = { id: resolution.id, displayName: isRenamed ? renamed.shown : displayName };
    const first = this.#claims.claim(name, group, now);
    return first === null ? resolution : this.#refuse(name, group, first);
  }

  #refuse(name: string, { id }: FoundGroup, first: string): SureResolution {
    this.#logger.warn(
      { group: name, first, genesysId: id },
      'look-ups find one group for two groups of the source: the changes of the second wait until the first is not used for an hour',
    );
    return { kind: 'shared', first };
  }

  #noteRenamed(group: string, seen: RenamedGroup): void {
    const now = this.#now;
    const key = keyOf('group', group);
    const lookedUpAt = this.#renamed.get(group, now)?.lookedUpAt ?? null;
    this.#found.delete(key);
    this.#claims.release(group, now);
    this.#renamed.set(group, { ...seen, seenAt: now, lookedUpAt }, now + FOUND_KEEP_MS);
    const againAt = lookedUpAt === null ? now : lookedUpAt + OTHERS_KEEP_MS;
    if (againAt > now) this.#others.set(key, { kind: 'renamed', ...seen }, againAt);
  }

  #ageMs(user: string): number | null {
    const leftMs = this.#found.leftMs(keyOf('user', user), this.#now);
    return leftMs === null ? null : FOUND_KEEP_MS - leftMs;
  }

  #noteUnknown(user: string, target: string): void {
    const key = keyOf('user', user);
    const known = this.known('user', user);
    // Looked up again meanwhile, it is what counts.
    if (known?.kind !== 'found' || !isSameId(known.id, target)) return;
    this.#found.delete(key);
    this.#others.delete(key);
  }

  #remember(key: string, resolution: Resolution): void {
    if (resolution.kind === 'unanswered') return;
    const now = this.#clock.now().monotonic;
    this.#others.delete(key);
    if (resolution.kind === 'found' && resolution.isActive) this.#found.set(key, resolution, now + FOUND_KEEP_MS);
    else this.#others.set(key, resolution, now + OTHERS_KEEP_MS);
  }
}

const groupOf = ({ id, displayName, shown }: Renamed): RenamedGroup => ({ id, displayName, shown });

const keyOf = (kind: IdKind, id: string): string => `${kind}:${id}`;

/** Values with an end; bounded: the ones that were used longest ago go first. On the order of a Map. */
export class ExpiringCache<V> {
  readonly #entriesMax: number;
  readonly #entries = new Map<string, { readonly value: V; readonly until: number }>();

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** @param now monotonic ms, as the others. */
  get(key: string, now: number): V | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    this.#entries.delete(key);
    if (entry.until <= now) return null;
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Until its end; null: there is no such value. */
  leftMs(key: string, now: number): number | null {
    const entry = this.#entries.get(key);
    return entry === undefined || entry.until <= now ? null : entry.until - now;
  }

  set(key: string, value: V, until: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, until });
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#entriesMax) return;
      this.#entries.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}

/*
 * What look-ups by name found for the groups of the source, and which of them has a group of the target that look-ups
 * find for several: the one that was met first, until it is not used for an hour, or its look-up finds another group or
 * none. The full states of two groups would undo each other, so the changes of the others wait, and are shown in the
 * log and by `doctor`.
 */

interface FoundGroup {
  readonly id: string;
  /** The name that the target returned with it. */
  readonly displayName: string;
}

export class GroupClaims {
  readonly #keepMs: number;
  /** By the source's name. */
  readonly #found: ExpiringCache<FoundGroup>;
  /** By `idKey` of the target: the source's name that has it. */
  readonly #owners: ExpiringCache<string>;

  /** Each claim is kept for `keepMs` after its last use. */
  constructor(claimsMax: number, keepMs: number) {
    this.#keepMs = keepMs;
    this.#found = new ExpiringCache(claimsMax);
    this.#owners = new ExpiringCache(claimsMax);
  }

  get size(): number {
    return Math.max(this.#found.size, this.#owners.size);
  }

  /** A look-up has found the group for this name. `now` in monotonic ms. @returns the other name that has it; null: none. */
  claim(name: string, group: FoundGroup, now: number): string | null {
    const target = idKey(group.id);
    if (this.#targetOf(name, now) !== target) this.release(name, now);
    const owner = this.#owners.get(target, now);
    if (owner !== null && owner !== name && this.#targetOf(owner, now) === target) return owner;
    this.#keep(name, group, now);
    return null;
  }

  /** What the name has; that counts as a use of it. null: nothing. */
  use(name: string, now: number): FoundGroup | null {
    const group = this.#found.get(name, now);
    if (group !== null) this.#keep(name, group, now);
    return group;
  }

  /** The name has no group any more, or another one. */
  release(name: string, now: number): void {
    const target = this.#targetOf(name, now);
    if (target !== null && this.#owners.get(target, now) === name) this.#owners.delete(target);
    this.#found.delete(name);
  }

  #targetOf(name: string, now: number): string | null {
    const group = this.#found.get(name, now);
    return group === null ? null : idKey(group.id);
  }

  #keep(name: string, group: FoundGroup, now: number): void {
    this.#found.set(name, group, now + this.#keepMs);
    this.#owners.set(idKey(group.id), name, now + this.#keepMs);
  }
}
