// Credentials and permissions taken away at run time, of one group or of everything.
import { z } from 'zod';
import type { Refusal } from './scim-error.ts';

export const denialSchema = z.strictObject({
  /** Without a group everything is denied. */
  group: z.string().optional(),
  status: z.union([z.literal(401), z.literal(403)]).default(403),
  /** By default bad.credentials for 401 and missing.permissions for 403. */
  code: z
    .enum([
      'bad.credentials',
      'authentication.required',
      'missing.permissions',
      'missing.any.permissions',
      'not.authorized',
    ])
    .optional(),
});

export type Denial = Readonly<z.input<typeof denialSchema>>;

export class Denials {
  #denials: readonly z.output<typeof denialSchema>[] = [];

  deny(denial: Denial): void {
    this.#denials = [...this.#denials, denialSchema.parse(denial)];
  }

  /** Takes back what was denied to this group; without a group everything. */
  allow(group: string | undefined): void {
    this.#denials = group === undefined ? [] : this.#denials.filter((denial) => denial.group !== group);
  }

  find(group: string | null): Refusal | null {
    const denial = this.#denials.find((one) => one.group === undefined || one.group === group);
    if (!denial) return null;
    if (denial.status === 401) return credentialRefusal(denial.code ?? 'bad.credentials');
    const detail =
      'Unable to perform the requested action. You are missing the following permission(s): directory:group:edit';
    return { status: 403, code: denial.code ?? 'missing.permissions', detail };
  }
}

export function credentialRefusal(code: string): Refusal {
  const detail =
    code === 'authentication.required'
      ? 'No authentication bearer token specified in authorization header.'
      : 'Invalid login credentials.';
  return { status: 401, code, detail };
}
