/** The port through which scim-events has its signed tokens verified; the adapter is src/adapters/tokens.ts. */
import type { Fields } from '../reading/reading.ts';

/** Why a token is not believed. */
export type TokenRefusal =
  | 'token_no_keys'
  | 'token_malformed'
  | 'token_encrypted'
  | 'token_unsigned'
  | 'token_algorithm'
  | 'token_key'
  | 'token_signature'
  | 'token_type'
  | 'token_claims'
  | 'token_issuer'
  | 'token_audience'
  | 'token_unverified';

export type TokenVerdict =
  | { readonly kind: 'verified'; readonly claims: Fields }
  | { readonly kind: 'refused'; readonly code: TokenRefusal; readonly message: string };

export interface TokenVerifier {
  /** Where there are keys, claims without a signature are refused: any producer to the topic could forge them. */
  readonly hasKeys: boolean;
  /** The same token gets the same verdict at any time, since a record is read again after a restart. Never rejects. */
  verify(token: string): Promise<TokenVerdict>;
}

export const refusedToken = (code: TokenRefusal, message: string): TokenVerdict => ({ kind: 'refused', code, message });

/** Without a key set: a signed token cannot be verified, and what is not verified is not believed. */
export const withoutKeys: TokenVerifier = {
  hasKeys: false,
  verify: () =>
    Promise.resolve(
      refusedToken('token_no_keys', 'The token is signed, but no key set is configured to verify it; configure one.'),
    ),
};
