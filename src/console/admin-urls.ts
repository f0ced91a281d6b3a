/** Where commands find the admin servers of running instances. */
import type { Instance } from '../adapters/admin-client.ts';
import type { Config } from '../config/config.ts';
import { isLoopback } from '../config/variable.ts';
import type { ServiceNames } from '../core/log/service.ts';
import { EXIT, ExitError } from '../exit-codes.ts';

/** Addresses that a server listens on, and that none can be reached by. */
const ANY_HOST: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
]);

/**
 * @param given on the command line; empty: the one of this configuration.
 * @throws ExitError (64) where one cannot be asked, or the token would go out in the clear
 */
export function adminUrls(
  given: readonly string[],
  config: Config<'admin' | 'all' | 'kafka' | 'topics'>,
): readonly Instance[] {
  const { admin, all, isShadow } = config;
  const { host, port, token } = admin;
  const service = serviceNames(config);
  const reached = ANY_HOST.get(host) ?? host;
  const own = port === 0 ? [] : [`http://${reached.includes(':') ? `[${reached}]` : reached}:${port}`];
  const urls = given.length > 0 ? given : own;
  return urls.map((text) => ({ url: checked(text, token !== null && !all.allowsInsecure), token, isShadow, service }));
}

/** Of the service that the configuration is of. */
export const serviceNames = ({ kafka, topics }: Config<'kafka' | 'topics'>): ServiceNames => ({
  consumer_group: kafka.groupId,
  source_topic: topics.source,
});

function checked(text: string, isSecret: boolean): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.pathname === '/';
  if (!isPlain || `${url.username}${url.password}${url.search}${url.hash}` !== '')
    throw new ExitError(
      EXIT.usage,
      `--admin: give an address such as https://rollcall-1.example.com:8080, not ${text}`,
    );
  if (url.protocol === 'http:' && !isLoopback(url.hostname) && isSecret)
    throw new ExitError(
      EXIT.usage,
      `--admin: ${url.origin} would get ADMIN_TOKEN in the clear; name it by https://…, or use --allow-insecure`,
    );
  return url.origin;
}
