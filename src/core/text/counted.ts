/* Numbers for people. */

/** A number and what it counts: `1 change`, `3 changes`. */
export const counted = (count: number, what: string): string => `${count} ${pluralOf(count, what)}`;

/** As `counted`, for what may be very many: `1,204 removals`. */
export const countedLarge = (count: number, what: string): string => `${numberText(count)} ${pluralOf(count, what)}`;

/** `1,204`. */
export const numberText = (count: number): string => digits.format(count);

const digits = new Intl.NumberFormat('en-US');

const pluralOf = (count: number, what: string): string => (count === 1 ? what : `${what}s`);
