/** What every API of an identity provider is told. */
export interface ApiLimits {
  /** Of one request. */
  readonly timeoutMs: number;
  /** Tries of one request; null: for as long as it takes. */
  readonly triesMax: number | null;
}

export interface ClientAccess {
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
}
