/** The error, its causes and the errors that it gathers, each reduced to the properties that are looked at. Total. */
import { inspect } from 'node:util';

/** One error of the chain. */
export interface Trait {
  readonly name: string;
  /** Of Node, OpenSSL or the protocol: `ECONNREFUSED`, `33`. */
  readonly code: string;
  /** Of the protocol: `UNKNOWN_TOPIC_OR_PARTITION`. */
  readonly type: string;
  readonly message: string;
  readonly retriable: string;
}

/** The error, what it was caused by, and what it gathers. */
export function chainOf(error: unknown): readonly unknown[] {
  const found = new Set<unknown>();
  const visit = (link: unknown): void => {
    if (typeof link !== 'object' || link === null || found.has(link)) return;
    found.add(link);
    visit((link as { cause?: unknown }).cause);
    const { errors } = link as { errors?: unknown };
    if (Array.isArray(errors)) errors.forEach(visit);
  };
  visit(error);
  return [...found];
}

export function traitOf(link: unknown): Trait {
  return {
    name: propertyOf(link, 'name'),
    code: propertyOf(link, 'code'),
    type: propertyOf(link, 'type'),
    message: propertyOf(link, 'message'),
    retriable: propertyOf(link, 'retriable'),
  };
}

function propertyOf(link: unknown, name: string): string {
  const value = (link as Record<string, unknown>)[name];
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : inspect(error);
}
