/**
 * Verdicts on tokens, from the verification of a batch until its records are decoded. Verifying is asynchronous, decoding
 * is not, hence the keeping. Bounded by the characters of the tokens: what was asked for stays for a while, since a record
 * may be decoded twice; what nobody asked for (its partition went to another owner) goes when others need the room.
 */
import { refusedToken, type TokenVerdict, type TokenVerifier } from './token-verifier.ts';

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
