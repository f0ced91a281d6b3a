/** How often each kind of thing has happened, so that a reader sees that every kind really did. */
export class Counter {
  readonly counts = new Map<string, number>();

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }

  addAll(counts: Iterable<readonly [string, number]>): void {
    for (const [what, by] of counts) this.count(what, by);
  }
}
