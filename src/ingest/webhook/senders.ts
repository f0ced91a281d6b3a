/** The kinds of senders whose secret is configured; of the others there is no path. */
import type { SourceFormat } from '../../core/change.ts';
import { KnownSecrets } from '../../core/redact.ts';
import { auth0 } from './auth0.ts';
import { entra } from './entra.ts';
import type { Sender } from './intake.ts';
import { keycloak } from './keycloak.ts';
import type { WebhookKind } from './kind.ts';
import { okta } from './okta.ts';
import type { KindName, WebhookConfig } from './options.ts';
import { scim } from './scim.ts';

const kinds: Readonly<Record<KindName, (secret: string) => WebhookKind>> = { okta, auth0, keycloak, entra, scim };

export const kindNames = Object.keys(kinds) as readonly KindName[];

export function sendersOf(
  secrets: WebhookConfig['secrets'],
  formatOf: (kind: KindName) => SourceFormat,
): readonly Sender[] {
  return kindNames.flatMap((name) => {
    const first = secrets[name];
    if (first === null) return [];
    const sender: Sender = {
      // The secret as it is at each request.
      get kind() {
        return kinds[name](secrets[name] ?? first);
      },
      get secrets() {
        return new KnownSecrets([secrets[name] ?? first]);
      },
      format: formatOf(name),
    };
    return [sender];
  });
}
