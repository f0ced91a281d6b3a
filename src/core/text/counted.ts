/** A number and what it counts, for people: `1 change`, `3 changes`. */
export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
