// Who exists. Inactive users still resolve as members; the vendor's list hides them unless `active eq false` is asked.

export type User = Readonly<{
  id: string;
  userName: string;
  /** The main address; the vendor's is the userName unless one is given. */
  email: string;
  externalId: string | null;
  active: boolean;
}>;
export type NewUser = Readonly<{
  id: string;
  userName?: string | undefined;
  email?: string | undefined;
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

  /** Makes the user, or changes what is given of an existing one. */
  put(user: NewUser): void {
    this.#unknown.delete(user.id);
    const before = this.#users.get(user.id);
    const given = Object.fromEntries(Object.entries(user).filter(([, value]) => value !== undefined));
    this.#users.set(user.id, before === undefined ? complete(user) : { ...before, ...given });
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
  const { id, userName = `${id}@example.com`, email = userName, externalId = null, active = true } = user;
  return { id, userName, email, externalId, active };
}
