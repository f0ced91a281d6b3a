/** Ids that are kept once, since most members are in many groups. */
export class KeptIds {
  readonly #ids = new Map<string, string>();

  /** One string for all who have the id. A part of a longer text would keep all of it in memory, so it is copied. */
  kept(id: string): string {
    const known = this.#ids.get(id);
    if (known !== undefined) return known;
    const copy = JSON.parse(JSON.stringify(id)) as string;
    this.#ids.set(copy, copy);
    return copy;
  }
}
