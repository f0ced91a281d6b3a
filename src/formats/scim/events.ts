/**
 * Room formats/scim: `scim-events`: security event tokens, and their claims.
 * Not here: checking signatures (adapters/tokens.ts).
 *
 * SCIM events (RFC 9967): security event tokens (RFC 8417), as signed JWTs (alone, as RFC 8935 pushes them, or in `sets`,
 * as RFC 8936 answers a poll) or as their claims in JSON. Signed ones are verified before the batch is decoded. Where there
 * are keys, claims without a signature are refused.
 */
import type { Decoded, SourceEvent, SourceRecord } from '../../core/change/change.ts';
import { fieldsIn, invalid, notAnObject, readValue, tombstone, type Fields, type Read } from '../reading/reading.ts';
import type { Reader } from '../reading/events.ts';
import { several } from '../reading/events.ts';
import { readClaims } from './claims.ts';
import { refusedToken, type TokenVerdict, type TokenVerifier } from './token-verifier.ts';
import { isObject } from '../../core/text/json.ts';

export function scimEvents(verifier: TokenVerifier): Reader {
  const verdicts = new TokenVerdicts(verifier);
  return {
    name: 'scim-events',
    recognizes,
    decode: (record) => {
      if (record.value === null) return [tombstone];
      return decodeRecord(record, { verdicts, hasKeys: verifier.hasKeys });
    },
    prepare: (records) => verdicts.verify(records.flatMap(tokensIn)),
  };
}

const recognizes = (fields: Fields): boolean =>
  isObject(fields['sets']) ||
  (isObject(fields['events']) && ('jti' in fields || 'sub_id' in fields || 'iss' in fields));

interface Trust {
  readonly verdicts: TokenVerdicts;
  readonly hasKeys: boolean;
}

function decodeRecord(record: SourceRecord, { verdicts, hasKeys }: Trust): Decoded {
  const content = contentOf(record);
  if (content.kind === 'tokens') return several(content.tokens.flatMap((token) => decodeToken(token, verdicts)));
  if (!content.read.ok) return [content.read.problem];
  if (!isObject(content.read.json)) return [notAnObject(content.read.json, WANTED)];
  return hasKeys ? [unsigned] : several(readClaims(content.read.json));
}

function decodeToken(token: string, verdicts: TokenVerdicts): readonly SourceEvent[] {
  const verdict = verdicts.of(token);
  return verdict.kind === 'verified' ? readClaims(verdict.claims) : [invalid(verdict.code, verdict.message)];
}

type Content =
  | { readonly kind: 'tokens'; readonly tokens: readonly string[] }
  | { readonly kind: 'json'; readonly read: Read };

/** JWS has three parts (RFC 7515 3.1), JWE five (RFC 7516 3.1); no JSON looks like that. */
const TOKEN = /^\s*([\w-]+\.[\w-]*\.[\w-]*(?:\.[\w-]*\.[\w-]*)?)\s*$/;

/** A layer around this format may have read the value as JSON already; of a bare token it could not. */
function contentOf(record: SourceRecord & { readonly read?: Read }): Content {
  const token = record.read?.ok === true ? null : bareToken(record.value);
  if (token !== null) return { kind: 'tokens', tokens: [token] };
  const read = readValue(record);
  if (!read.ok) return { kind: 'json', read };
  const quoted = typeof read.json === 'string' ? tokenIn(read.json) : null;
  if (quoted !== null) return { kind: 'tokens', tokens: [quoted] };
  const { sets } = fieldsIn(read.json);
  if (!isObject(sets)) return { kind: 'json', read };
  return { kind: 'tokens', tokens: Object.values(sets).map((set) => (typeof set === 'string' ? set : '')) };
}

const bareToken = (value: Uint8Array | null): string | null =>
  value !== null && startsAsToken(value) ? tokenIn(bytesOf(value).toString('latin1')) : null;

const tokenIn = (text: string): string | null => TOKEN.exec(text)?.[1] ?? null;

/** Most records are claims: those are recognised by a look at the bytes, and parsed once, when they are decoded. */
function tokensIn(record: SourceRecord & { readonly read?: Read }): readonly string[] {
  if (record.value === null || (record.read === undefined && !mayHoldTokens(record.value))) return [];
  const content = contentOf(record);
  return content.kind === 'tokens' ? content.tokens : [];
}

function mayHoldTokens(value: Uint8Array): boolean {
  const first = firstByte(value);
  return first !== BRACE || bytesOf(value).includes('"sets"');
}

/** A token begins with the base64url of its header, so with neither a brace nor a quote. */
function startsAsToken(value: Uint8Array): boolean {
  const first = firstByte(value);
  return first !== BRACE && first !== QUOTE;
}

const BRACE = 0x7b;
const QUOTE = 0x22;
const SPACE = 0x20;

/** The first byte that is no white space of JSON; undefined where there is none. */
const firstByte = (value: Uint8Array): number | undefined => value.find((byte) => byte > SPACE);

const bytesOf = (value: Uint8Array): Buffer => Buffer.from(value.buffer, value.byteOffset, value.byteLength);

const WANTED = 'This is no security event token: send the signed token as it is, or its claims as one JSON object.';

const unsigned = invalid(
  'token_unsigned',
  'These claims have no signature, and a key set is configured: send the signed token itself.',
);

/*
 * Verdicts on tokens, from the verification of a batch until its records are decoded. Verifying is asynchronous, decoding
 * is not, hence the keeping. Bounded by the characters of the tokens: what was asked for stays for a while, since a record
 * may be decoded twice; an event that is not asked for (its partition went to another owner) goes when others need the room.
 */

/** Far beyond what is fetched and not yet decoded: a verdict lost here would be a dead letter for a good token. */
const WAITING_CHARACTERS_MAX = 256 * 1024 * 1024;
const ASKED_CHARACTERS_MAX = 4 * 1024 * 1024;

const unverified = refusedToken(
  'token_unverified',
  'The token could not be verified before it was read, so it is not believed; replay the record.',
);

export class TokenVerdicts {
  readonly #verifier: TokenVerifier;
  readonly #waiting = new BoundedTexts(WAITING_CHARACTERS_MAX);
  readonly #asked = new BoundedTexts(ASKED_CHARACTERS_MAX);
  readonly #started = new Map<string, Promise<void>>();

  constructor(verifier: TokenVerifier) {
    this.#verifier = verifier;
  }

  /** null: all of them have a verdict, and keep it until they are decoded. Never rejects. */
  verify(tokens: readonly string[]): Promise<void> | null {
    const unknown = [...new Set(tokens)].filter((token) => !this.#isKept(token));
    if (unknown.length === 0) return null;
    return Promise.all(unknown.map((token) => this.#verify(token))).then(() => undefined);
  }

  #verify(token: string): Promise<void> {
    const started = this.#started.get(token);
    if (started !== undefined) return started;
    const verified = this.#verifier
      .verify(token)
      // A verifier that breaks its word must not have the batch wait for ever.
      .catch(() => unverified)
      .then((verdict) => {
        this.#started.delete(token);
        this.#waiting.set(token, verdict);
      });
    this.#started.set(token, verified);
    return verified;
  }

  /** What was asked for before must not go while the others of its batch are decoded. */
  #isKept(token: string): boolean {
    const verdict = this.#waiting.get(token) ?? this.#asked.take(token);
    if (verdict !== undefined) this.#waiting.set(token, verdict);
    return verdict !== undefined;
  }

  of(token: string): TokenVerdict {
    const verdict = this.#waiting.take(token);
    if (verdict === undefined) return this.#asked.get(token) ?? unverified;
    this.#asked.set(token, verdict);
    return verdict;
  }
}

class BoundedTexts {
  readonly #verdicts = new Map<string, TokenVerdict>();
  readonly #charactersMax: number;
  #characters = 0;

  constructor(charactersMax: number) {
    this.#charactersMax = charactersMax;
  }

  get(token: string): TokenVerdict | undefined {
    return this.#verdicts.get(token);
  }

  take(token: string): TokenVerdict | undefined {
    const verdict = this.#verdicts.get(token);
    if (this.#verdicts.delete(token)) this.#characters -= token.length;
    return verdict;
  }

  set(token: string, verdict: TokenVerdict): void {
    this.take(token);
    this.#verdicts.set(token, verdict);
    this.#characters += token.length;
    for (const oldest of this.#verdicts.keys()) {
      if (this.#characters <= this.#charactersMax) return;
      this.take(oldest);
    }
  }
}
