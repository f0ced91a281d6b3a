/** What the webhook server is told. */
export type KindName = 'okta' | 'auth0' | 'keycloak' | 'entra' | 'scim';

export interface WebhookConfig {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** null: plain http. */
  readonly tls: { readonly certPem: string; readonly keyPem: string } | null;
  /** null: no path for this kind of sender. */
  readonly secrets: Readonly<Record<KindName, string | null>>;
  /** What signed SCIM events are verified with; null: by nothing, so they are not read. */
  readonly scimTokens: {
    /** Path of a JWKS. */
    readonly keysFile: string;
    /** null: any. */
    readonly issuer: string | null;
    readonly audience: string | null;
  } | null;
  readonly bodyBytesMax: number;
  /** From the first byte of a request to its answer. */
  readonly answerWithinMs: number;
  /** Requests under way, and requests whose records wait for Kafka. */
  readonly waitingMax: number;
}
