/**
 * Of a large type the few members that the code under test uses. They are checked against the type; the others are missing.
 * For types of libraries, and for contexts of which a function reads a part.
 */
export const stubOf = <T extends object>(members: Partial<T>): T => members as T;
