/** Circles and directions in a graph of imports. */
export interface Edge {
  readonly from: string;
  readonly to: string;
}

/** Each largest set of nodes that reach each other, if it has several nodes; sorted. */
export function circles(edges: readonly Edge[]): readonly (readonly string[])[] {
  const targets = new Map<string, Set<string>>();
  for (const { from, to } of edges) targets.set(from, (targets.get(from) ?? new Set()).add(to));
  const reached = new Map([...targets.keys()].map((node) => [node, reachable(node, targets)]));
  const found = new Map<string, readonly string[]>();
  for (const [node, nodes] of reached) {
    const circle = [...nodes].filter((other) => reached.get(other)?.has(node) === true).toSorted();
    if (circle.length > 1) found.set(circle.join(' '), circle);
  }
  return [...found.keys()].toSorted().map((key) => found.get(key) ?? []);
}

/** The node itself only if it lies on a circle. */
function reachable(start: string, targets: ReadonlyMap<string, ReadonlySet<string>>): ReadonlySet<string> {
  const seen = new Set<string>();
  const waiting = [start];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    for (const next of targets.get(node) ?? []) {
      if (seen.has(next)) continue;
      seen.add(next);
      waiting.push(next);
    }
  }
  return seen;
}

/** The graph of what the nodes belong to; edges inside one of them are left out. */
export function merged(edges: readonly Edge[], ownerOf: (node: string) => string): readonly Edge[] {
  return edges.map(({ from, to }) => ({ from: ownerOf(from), to: ownerOf(to) })).filter(({ from, to }) => from !== to);
}

/** Edges from a lower level to a higher one. */
export function goingUp<Kind extends Edge>(edges: readonly Kind[], levelOf: (node: string) => number): readonly Kind[] {
  return edges.filter(({ from, to }) => levelOf(from) < levelOf(to));
}
