/** A quick world whose source names groups, which are looked up at the target by their names (ID_MAP=scim). */
import { ScimIdMap } from '../../src/adapters/ids/scim.ts';
import type { HttpAnswer } from '../../src/core/target/refusals.ts';
import { answer, QuickWorld } from './quick-world.ts';

const slow = {
  retry: { baseMs: 1_000, capMs: 30_000, attemptsMax: 5, slowScheduleMs: [60_000, 300_000, 1_800_000, 7_200_000] },
};

/** A target whose groups have names; searches find them by `index`, which may lag behind. */
export class NamedWorld extends QuickWorld {
  readonly names = new Map<string, string>();
  /** What searches find; null: what the groups show. */
  index: ReadonlyMap<string, string> | null = null;
  readonly searches: string[] = [];
  readonly asked: string[] = [];
  showsNames = true;

  constructor() {
    super({
      ids: ({ target: api, clock, logger }) =>
        new ScimIdMap({ userAttribute: 'userName', groupAttribute: 'displayName' }, { api, clock, logger }),
      pipeline: slow,
    });
    const { target } = this;
    target.onSearch = ({ resource, filter }) => this.#found(resource, filter);
    target.onGet = ({ group, ifNoneMatch }) => {
      this.asked.push(`GET ${group}`);
      const isUnchanged = ifNoneMatch === `"${target.group(group).version}"`;
      return isUnchanged ? answer(304) : this.#named(group, target.shown(group));
    };
    target.onPatch = (request) => {
      this.asked.push(`PATCH ${request.group}`);
      return this.#named(request.group, target.apply(request));
    };
  }

  rename(id: string, name: string): void {
    this.names.set(id, name);
    this.target.group(id).version += 1;
  }

  members(id: string): readonly string[] {
    return [...this.target.group(id).members];
  }

  outcomes(): readonly string[] {
    return this.reports().map(({ outcome, source_member: member, reason }) =>
      [outcome, member, reason?.code].filter((part) => part !== null && part !== undefined).join(' '),
    );
  }

  #named(id: string, given: HttpAnswer): HttpAnswer {
    const displayName = this.names.get(id);
    if (given.kind !== 'response' || given.status !== 200 || !this.showsNames) return given;
    return { ...given, body: { ...Object(given.body), displayName } };
  }

  #found(resource: string, filter: string): HttpAnswer {
    const value = String(JSON.parse(filter.slice(filter.indexOf(' eq ') + 4)));
    if (resource === 'users') return list([{ id: value, userName: value, active: true }]);
    this.searches.push(value);
    const named = [...(this.index ?? this.names)].filter(([, name]) => name.toLowerCase() === value.toLowerCase());
    return list(named.map(([id, displayName]) => ({ id, displayName })));
  }
}

const list = (Resources: readonly object[]): HttpAnswer =>
  answer(200, { body: { totalResults: Resources.length, Resources } });

/** An event of the group that the source calls so. */
export const toGroup =
  (name: string) =>
  (event: object): object => ({ group_id: name, ...event });
