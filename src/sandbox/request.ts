// A request read in full, and what came of handling it.
import type { Answer } from './answer.ts';
import type { ReadPatch } from './patch.ts';
import type { Route } from './route.ts';
import type { Refusal } from './scim-error.ts';

export type SandboxRequest = Readonly<{
  method: string;
  route: Route | null;
  query: URLSearchParams;
  authorization: string | null;
  contentType: string;
  ifMatch: string | null;
  ifNoneMatch: string | null;
  body: string;
  /** The body was larger than allowed and was not read. */
  tooLarge: boolean;
  /** Of a PATCH or PUT of a group. */
  patch: ReadPatch | null;
}>;

export type Handled =
  | Readonly<{ kind: 'answered'; answer: Answer; written: Readonly<{ version: number }> | null }>
  | Readonly<{ kind: 'refused'; refusal: Refusal }>;

export function answered(answer: Answer): Handled {
  return { kind: 'answered', answer, written: null };
}

export function refusedWith(refusal: Refusal): Handled {
  return { kind: 'refused', refusal };
}
