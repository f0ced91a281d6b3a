/**
 * The key set of a sender of tokens, from a file that may change: it is read again for a token whose key it does not hold,
 * but not more often than the cool-down says, and after an interval, so that a key that was taken out does not go on being
 * believed. What cannot be used changes nothing, and is logged.
 */
import { readFile } from 'node:fs/promises';
import type { Clock, Logger } from '../ports.ts';
import type { TokenVerdict, TokenVerifier } from '../formats/token-verifier.ts';
import { parsed, type TokenExpectations, tokenVerifier } from './tokens.ts';

const COOL_DOWN_MS = 10_000;
const INTERVAL_MS = 60_000;

export interface KeySetSurroundings {
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
}

export class KeySetFile implements TokenVerifier {
  readonly hasKeys = true;
  readonly #path: string;
  readonly #expected: TokenExpectations;
  readonly #surroundings: KeySetSurroundings;
  #verifier: TokenVerifier;
  /** What was judged last, for good or ill; null: it could not be read. */
  #judged: string | null;
  /** Monotonic ms. */
  #readAt: number;
  #reading: Promise<void> | null = null;

  /** @throws with the remedy in its message, where the file holds no key that can be used. */
  static async open(path: string, expected: TokenExpectations, surroundings: KeySetSurroundings): Promise<KeySetFile> {
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (cause) {
      throw new Error(`The key set ${path} cannot be read; set the path of a JWKS file.`, { cause });
    }
    try {
      const verifier = await tokenVerifier(parsed(text), expected, surroundings.logger);
      return new KeySetFile(path, expected, surroundings, { text, verifier });
    } catch (cause) {
      throw new Error(`The key set ${path} ${messageOf(cause)}`, { cause });
    }
  }

  private constructor(
    path: string,
    expected: TokenExpectations,
    surroundings: KeySetSurroundings,
    read: { readonly text: string; readonly verifier: TokenVerifier },
  ) {
    this.#path = path;
    this.#expected = expected;
    this.#surroundings = surroundings;
    this.#judged = read.text;
    this.#verifier = read.verifier;
    this.#readAt = this.#now();
  }

  async verify(token: string): Promise<TokenVerdict> {
    if (this.#now() - this.#readAt >= INTERVAL_MS) await this.#readOnce();
    const verdict = await this.#verifier.verify(token);
    const isUnknownKey = verdict.kind === 'refused' && verdict.code === 'token_key';
    if (!isUnknownKey || (this.#reading === null && this.#now() - this.#readAt < COOL_DOWN_MS)) return verdict;
    await this.#readOnce();
    return this.#verifier.verify(token);
  }

  #readOnce(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  async #read(): Promise<void> {
    const { logger } = this.#surroundings;
    this.#readAt = this.#now();
    const text = await readFile(this.#path, 'utf8').catch(() => null);
    if (text === this.#judged) return;
    this.#judged = text;
    try {
      if (text === null) throw new Error('cannot be read');
      this.#verifier = await tokenVerifier(parsed(text), this.#expected, logger);
      logger.info({ path: this.#path }, 'the key set has changed and is loaded');
    } catch (error) {
      const problem = messageOf(error);
      logger.error({ path: this.#path, problem }, 'the key set cannot be used: the one that was loaded before is kept');
    }
  }

  #now(): number {
    return this.#surroundings.clock.now().monotonic;
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
