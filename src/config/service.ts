/** What every service has: the level of its log, its admin server, and the key that operators sign with. */
import { problem } from './problem.ts';
import {
  asRead,
  flag,
  GENERATED_SECRET,
  type Given,
  initially,
  isLoopback,
  oneOf,
  ownSecret,
  part,
  anyText,
  wholeNumber,
} from './variable.ts';

const adminOptions = {
  host: initially('ADMIN_HOST', '127.0.0.1', anyText, {
    about: 'Address of `/healthz`, `/readyz` and `/metrics` of every service; beyond loopback `ADMIN_TOKEN` is needed',
  }),
  port: initially('ADMIN_PORT', '8080', wholeNumber(0, 65_535), { about: 'Their port; 0: none' }),
  token: ownSecret('ADMIN_TOKEN', {
    about: '`/metrics` asks for it as `Authorization: Bearer …`; at least 16 characters. Probes need none',
  }),
};

export const admin = part({
  title: 'Health and metrics',
  options: adminOptions,
  make: asRead,
  rules: ({ ADMIN_HOST: host, ADMIN_PORT: port, ADMIN_TOKEN: token }: Given<typeof adminOptions>) => {
    if (host === undefined || isLoopback(host) || port === 0 || token !== null) return [];
    const text =
      'is missing, though ADMIN_HOST can be reached from elsewhere and /metrics would be open to all (with ADMIN_HOST=127.0.0.1 none is needed)';
    return [problem('ADMIN_TOKEN', text, GENERATED_SECRET)];
  },
});

/** `key` signs requests of operators; null: they need no signature. */
export const operator = part({
  title: 'Requests of operators',
  options: {
    key: ownSecret('OPERATOR_KEY', {
      about:
        'Shared by `run`, `replay` and `held`: where `run` has it, it takes up only requests that are signed with it; at least 16 characters. Default: any request that is in the retry topic',
    }),
  },
  make: asRead,
});

/** Read by every command. */
export const all = part({
  title: 'Every command',
  options: {
    logLevel: initially('LOG_LEVEL', 'info', oneOf('debug', 'info', 'warn', 'error'), {
      about: '`debug`, `info`, `warn` or `error`',
    }),
    allowsInsecure: initially('ALLOW_INSECURE', 'false', flag, {
      about: 'true: plain http, and passwords for Kafka without TLS, may leave this machine (also `--allow-insecure`)',
    }),
  },
  make: asRead,
});
