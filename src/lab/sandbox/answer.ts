// An answer before it is put on the wire.

export type SandboxAnswer = Readonly<{
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string;
}>;

export const SCIM_TYPE = 'application/scim+json';
const JSON_TYPE = 'application/json';

export function scimAnswer(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): SandboxAnswer {
  return {
    status,
    headers: { 'content-type': SCIM_TYPE, ...headers },
    body: JSON.stringify(value),
  };
}

export function jsonAnswer(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): SandboxAnswer {
  return {
    status,
    headers: { 'content-type': JSON_TYPE, ...headers },
    body: JSON.stringify(value),
  };
}

export function emptyAnswer(status: number, headers: Readonly<Record<string, string>> = {}): SandboxAnswer {
  return { status, headers, body: '' };
}
