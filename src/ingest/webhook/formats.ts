/** How the bodies of each kind of sender are read. */
import type { SourceFormat } from '../../core/change/change.ts';
import { auth0 } from '../../formats/auth0.ts';
import { entra } from '../../formats/entra/entra.ts';
import { keycloak } from '../../formats/keycloak.ts';
import { okta } from '../../formats/okta.ts';
import { scimEvents } from '../../formats/scim/events.ts';
import type { TokenVerifier } from '../../formats/scim/token-verifier.ts';
import type { KindName } from './options.ts';

/** @param verifier of signed SCIM events. */
export const formatOfKind =
  (verifier: TokenVerifier) =>
  (kind: KindName): SourceFormat => {
    switch (kind) {
      case 'okta':
        return okta;
      case 'auth0':
        return auth0;
      case 'keycloak':
        return keycloak;
      case 'entra':
        return entra;
      case 'scim':
        return scimEvents(verifier);
    }
  };
