/** A function whose answers are kept: what a topic repeats (names of fields and events, codes) has few different values. */

/** Beyond `entriesMax` all are forgotten, so that input of any kind stays within bounds. */
export function memoized<T>(ask: (text: string) => T, entriesMax: number): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const present = known.get(text);
    if (present !== undefined) return present;
    const answer = ask(text);
    if (known.size >= entriesMax) known.clear();
    known.set(text, answer);
    return answer;
  };
}
