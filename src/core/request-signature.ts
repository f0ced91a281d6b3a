/**
 * Signatures of operators' requests (protocol.md 12.3): without them, everyone who can write to the retry topic could approve
 * in another's name. A signature holds for one record only, and not for long: it covers topic, partition, key (with its UUID),
 * type, value and the time of its making. Where no key is set, requests need none, and an owner without a key ignores them.
 */
import { type Headers, header, textHeader, textOf } from './record-headers.ts';

/** What operators and owners share. */
export interface OperatorKey {
  /** HMAC-SHA-256, lower-case hexadecimal. */
  sign(text: string): string;
  /** Whether `sign` has made it; takes as long for a wrong one. */
  hasSigned(text: string, signature: string): boolean;
}

export interface RequestRecord {
  readonly topic: string;
  readonly partition: number;
  readonly key: string;
  readonly value: Uint8Array | string | null;
  readonly headers: Headers;
}

/** Why a request is not taken up; `repeated`: a request with its key was read before. */
export type RequestRefusal = 'unsigned' | 'bad_signature' | 'expired' | 'repeated';

/** `issuedAt` in epoch ms, by the clock of the command. */
export type Signature =
  | { readonly kind: 'good'; readonly issuedAt: number }
  | { readonly kind: 'unsigned' | 'bad_signature' };

/** The longest between the making and the taking up of a request, and the most that two clocks may differ. */
export const REQUEST_AGE_MAX_MS = 600_000;

const NAME = 'rollcall-signature';

/** The record, signed. */
export function signed<R extends RequestRecord>(record: R, now: number, key: OperatorKey): R {
  const issuedAt = Math.trunc(now);
  const signature = key.sign(signedText(record, issuedAt));
  return { ...record, headers: [...record.headers, textHeader(NAME, `v1 ${issuedAt} ${signature}`)] };
}

export function readSignature(record: RequestRecord, key: OperatorKey): Signature {
  const text = header(record.headers, NAME);
  if (text === null) return { kind: 'unsigned' };
  const [, time = '', signature = ''] = /^v1 (\d{1,15}) ([0-9a-f]{64})$/.exec(text) ?? [];
  const issuedAt = Number(time);
  const isGood = signature !== '' && key.hasSigned(signedText(record, issuedAt), signature);
  return isGood ? { kind: 'good', issuedAt } : { kind: 'bad_signature' };
}

/** null: it may be taken up. @param now epoch ms, by the clock of the owner. */
export function refusalOf(signature: Signature, now: number): RequestRefusal | null {
  if (signature.kind !== 'good') return signature.kind;
  return isExpired(signature.issuedAt, now) ? 'expired' : null;
}

export const isExpired = (issuedAt: number, now: number): boolean => Math.abs(now - issuedAt) > REQUEST_AGE_MAX_MS;

/** No two records have the same. */
function signedText({ topic, partition, key, value, headers }: RequestRecord, issuedAt: number): string {
  const text = typeof value === 'string' ? value : textOf(value);
  return JSON.stringify([
    'rollcall request',
    1,
    topic,
    partition,
    key,
    header(headers, 'rollcall-type'),
    issuedAt,
    text,
  ]);
}

/** For the operator who asked. */
export const REFUSAL_TEXT: Readonly<Record<RequestRefusal, string>> = {
  unsigned: 'the owner takes up only signed requests: set OPERATOR_KEY_FILE to the key that `rollcall run` has',
  bad_signature:
    'the request is signed with another key than the owner has: set OPERATOR_KEY_FILE to the one of `rollcall run`',
  expired: 'the request is older than 10 minutes, or the clocks of both machines differ by more: ask again',
  repeated: 'a request with this key was taken up before: ask again',
};
