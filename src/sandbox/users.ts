// Who exists. Inactive users still resolve as members; the vendor's list hides them unless `active eq false` is asked.

export type User = Readonly<{
  id: string;
  userName: string;
  externalId: string | null;
  active: boolean;
}>;
export type NewUser = Readonly<{
  id: string;
  userName?: string | undefined;
  externalId?: string | undefined;
  active?: boolean | undefined;
}>;

export class UserDirectory {
  readonly #users = new Map<string, User>();
  readonly #unknown: Set<string>;
  readonly #anybody: boolean;

  /** With `anybody` every id is a user except the `unknown` ones. */
  constructor(options: { anybody: boolean; unknown: readonly string[] }) {
    this.#anybody = options.anybody;
    this.#unknown = new Set(options.unknown);
  }

  find(id: string): User | null {
    const known = this.#users.get(id);
    if (known) return known;
    return this.#anybody && !this.#unknown.has(id) ? complete({ id }) : null;
  }

  put(user: NewUser): void {
    this.#unknown.delete(user.id);
    this.#users.set(user.id, complete(user));
  }

  remove(id: string): void {
    this.#users.delete(id);
    this.#unknown.add(id);
  }

  /** Users in the order they were put; where anybody exists only those that were put are listed. */
  list(): readonly User[] {
    return [...this.#users.values()];
  }
}

function complete(user: NewUser): User {
  const { id, userName = `${id}@example.com`, externalId = null, active = true } = user;
  return { id, userName, externalId, active };
}
