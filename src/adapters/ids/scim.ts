/**
 * `ID_MAP=scim`: asks the target, users by externalId, userName or email, groups by displayName. One request per id that
 * is not cached; who is not found is looked for among the inactive users too. Who is missing, ambiguous or inactive may not
 * be so for long, so that is remembered for half a minute only.
 */
import { hidesAttribute, judgeResources, searchFor, type LookUpAttribute, type Sought } from '../../core/id-look-up.ts';
import type { IdKind } from '../../core/resolution.ts';
import type { Clock, GroupApi, IdMap, Logger, MayStart, Resolution } from '../../ports.ts';
import { Asking } from './asking.ts';
import { ExpiringCache } from './expiring-cache.ts';
import { InactiveUsers } from './inactive-users.ts';
import type { IdMapOptions } from './options.ts';

const FOUND_KEEP_MS = 3_600_000;
const OTHERS_KEEP_MS = 30_000;
/** Users and groups in all; about 30 MB. */
const FOUND_MAX = 100_000;
const OTHERS_MAX = 20_000;

export interface ScimSurroundings {
  readonly api: Pick<GroupApi, 'gate' | 'search'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface UnderWay {
  readonly result: Promise<Resolution>;
  /** Of everybody who waits for it: it may start as long as one of them may. */
  readonly mayStart: MayStart[];
}

export class ScimIdMap implements IdMap {
  readonly #attributes: Readonly<Record<IdKind, LookUpAttribute | 'id'>>;
  readonly #asking: Asking;
  readonly #inactive: InactiveUsers;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #found = new ExpiringCache<Resolution>(FOUND_MAX);
  readonly #others = new ExpiringCache<Resolution>(OTHERS_MAX);
  readonly #underWay = new Map<string, UnderWay>();

  constructor(
    { userAttribute, groupAttribute }: Omit<IdMapOptions, 'source'>,
    { api, clock, logger }: ScimSurroundings,
  ) {
    this.#attributes = { user: userAttribute, group: groupAttribute };
    this.#asking = new Asking(api);
    this.#inactive = new InactiveUsers(userAttribute, { asking: this.#asking, clock, logger });
    this.#clock = clock;
    this.#logger = logger;
  }

  known(kind: IdKind, id: string): Resolution | null {
    if (this.#attributes[kind] === 'id') return { kind: 'found', id, isActive: true };
    const now = this.#clock.now().monotonic;
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
    const result = this.#ask({ attribute, value: id }, () => waiting.some((may) => may()));
    this.#underWay.set(key, { result, mayStart: waiting });
    const resolution = await result;
    this.#underWay.delete(key);
    this.#remember(key, resolution);
    return resolution;
  }

  /** What is provisioned is seen at the next look-up. */
  onChange(): void {}

  async close(): Promise<void> {}

  async #ask(sought: Sought, mayStart: MayStart): Promise<Resolution> {
    const asked = await this.#asking.ask(searchFor(sought), mayStart);
    if (asked.kind === 'unanswered') return asked;
    const { list } = asked;
    if (hidesAttribute(list, sought.attribute)) {
      this.#logger.warn(
        { attribute: sought.attribute },
        'the target lists nobody with the attribute that was asked for',
      );
    }
    const resolution = judgeResources(list.resources, sought);
    if (resolution.kind !== 'missing' || sought.attribute === 'displayName') return resolution;
    return this.#inactive.find(sought.value, mayStart);
  }

  #remember(key: string, resolution: Resolution): void {
    if (resolution.kind === 'unanswered') return;
    const now = this.#clock.now().monotonic;
    this.#others.delete(key);
    if (resolution.kind === 'found' && resolution.isActive) this.#found.set(key, resolution, now + FOUND_KEEP_MS);
    else this.#others.set(key, resolution, now + OTHERS_KEEP_MS);
  }
}

const keyOf = (kind: IdKind, id: string): string => `${kind}:${id}`;
