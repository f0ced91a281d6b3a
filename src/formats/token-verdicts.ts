/**
 * Verdicts on tokens, from the verification of a batch until its records are decoded. Verifying is asynchronous, decoding
 * is not, hence the keeping. Bounded by the characters of the tokens: what was asked for stays for a while, since a record
 * may be decoded twice; what nobody asked for (its partition went to another owner) goes when others need the room.
 */
import type { TokenVerdict, TokenVerifier } from './token-verifier.ts';

/** Far beyond what is fetched and not yet decoded: a verdict lost here would be a dead letter for a good token. */
const WAITING_CHARACTERS_MAX = 256 * 1024 * 1024;
const ASKED_CHARACTERS_MAX = 4 * 1024 * 1024;

export class TokenVerdicts {
  readonly #verifier: TokenVerifier;
  readonly #waiting = new BoundedTexts(WAITING_CHARACTERS_MAX);
  readonly #asked = new BoundedTexts(ASKED_CHARACTERS_MAX);

  constructor(verifier: TokenVerifier) {
    this.#verifier = verifier;
  }

  /** Never rejects; a token without a verdict is told as unverified when it is decoded. */
  async verify(tokens: readonly string[]): Promise<void> {
    await Promise.all(
      [...new Set(tokens)].map(async (token) => {
        try {
          this.#waiting.set(token, await this.#verifier.verify(token));
        } catch {
          // A verifier that breaks its word: nothing is known of the token, and that is what decoding will say.
        }
      }),
    );
  }

  of(token: string): TokenVerdict | undefined {
    const verdict = this.#waiting.take(token);
    if (verdict === undefined) return this.#asked.get(token);
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
