/**
 * The configuration of a service whose files may change: secrets (`NAME_FILE`) and the certificate of the webhook server. The
 * files are looked at again and again, since notifications are lost where a file is mounted or replaced; a change is taken
 * once it has rested for one look, so that half of a certificate and its key is not. What cannot be used changes nothing.
 * Also the admin server beside a service, which takes its token from there.
 */
import { startAdmin, type AdminServer, type AdminSources } from '../admin/server.ts';
import { readConfig, type Config } from '../config/config.ts';
import type { Receiver } from '../config/notify.ts';
import { reloadedFiles, type Part } from '../config/variables.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { Logger } from '../ports.ts';
import type { CommandContext } from './command-context.ts';
import { readText } from './kafka-tools.ts';
import { errorText } from '../core/text/visible.ts';

const POLL_INTERVAL_MS = 5_000;

type Listener<P extends Part> = (config: Config<P>) => void;

export class LiveConfig<P extends Part> {
  readonly #parts: readonly P[];
  readonly #context: Pick<CommandContext, 'environment' | 'clock' | 'secrets'>;
  readonly #logger: Logger;
  readonly #files: readonly string[];
  readonly #listeners: Listener<P>[] = [];
  #current: Config<P>;
  /** Contents of all files: as they were judged last, for good or ill, and at the last look. */
  #judged: string;
  #seen: string;
  #cancel: () => void = () => undefined;

  constructor(config: Config<P>, parts: readonly P[], { context, logger }: LiveDependencies) {
    this.#current = config;
    this.#parts = parts;
    this.#context = context;
    this.#logger = logger;
    this.#files = reloadedFiles(context.environment, parts);
    this.#judged = this.#contents();
    this.#seen = this.#judged;
    if (this.#files.length > 0) this.#lookLater();
  }

  get current(): Config<P> {
    return this.#current;
  }

  /** Called with what is to be used from now on; where it throws, everything stays as it was. */
  onChange(listener: Listener<P>): void {
    this.#listeners.push(listener);
  }

  close(): void {
    this.#cancel();
  }

  #lookLater(): void {
    this.#cancel = this.#context.clock.schedule(POLL_INTERVAL_MS, () => {
      this.#look();
      this.#lookLater();
    });
  }

  #look(): void {
    const contents = this.#contents();
    const hasRested = contents === this.#seen;
    this.#seen = contents;
    if (contents === this.#judged || !hasRested) return;
    this.#judged = contents;
    try {
      const config = readConfig(this.#context.environment, this.#parts, readText);
      this.#context.secrets.know(config.secrets);
      for (const listener of this.#listeners) listener(config);
      this.#context.secrets.retire(this.#current.secrets.filter((secret) => !config.secrets.includes(secret)));
      this.#current = config;
      this.#logger.info({}, 'secrets or certificates have changed and are used from now on');
    } catch (error) {
      const problem = errorText(error);
      this.#logger.error(
        { problem },
        'secrets or certificates have changed and cannot be used: the former ones are kept',
      );
    }
  }

  #contents(): string {
    return JSON.stringify(this.#files.map(contentOf));
  }
}

export interface LiveDependencies {
  readonly context: Pick<CommandContext, 'environment' | 'clock' | 'secrets'>;
  readonly logger: Logger;
}

/** null: it cannot be read. */
function contentOf(path: string): string | null {
  try {
    return readText(path);
  } catch {
    return null;
  }
}

/** The configuration as it is now. */
export interface Live<P extends Part> {
  readonly current: Config<P>;
}

/** An object whose properties are read when they are asked for. */
export function lazily<T extends object>(current: () => T): T {
  const properties = Object.keys(current()).map((name) => [
    name,
    { enumerable: true, get: () => current()[name as keyof T] },
  ]);
  return Object.defineProperties({} as T, Object.fromEntries(properties));
}

/** With the credentials as they are at each authentication. */
export function liveKafka(live: Live<'kafka'>): Config<'kafka'>['kafka'] {
  const { kafka } = live.current;
  const { sasl } = kafka;
  return sasl === null ? kafka : { ...kafka, sasl: lazily(() => live.current.kafka.sasl ?? sasl) };
}

/** Where people are notified, as it is at each request; null: there is no address. A change that takes it away is refused. */
export function liveReceiver(
  live: Live<'notify'> & { onChange(listener: Listener<'notify'>): void },
): (() => Receiver & { readonly url: URL }) | null {
  const { url } = live.current.notify;
  if (url === null) return null;
  live.onChange(({ notify }) => {
    if (notify.url === null) throw new Error('NOTIFY_URL is empty: to end notifications, unset it and start again');
  });
  return () => ({ url: live.current.notify.url ?? url, key: live.current.notify.key });
}

/** Beside `run`, and each `ingest` that does not end by itself; null: ADMIN_PORT says that there is none. @throws ExitError where it cannot listen */
export async function serveAdmin(
  live: Live<'admin'>,
  sources: Pick<AdminSources, 'stats' | 'service' | 'explain' | 'status'>,
  { context, logger }: LiveDependencies,
): Promise<AdminServer | null> {
  if (live.current.admin.port === 0) return null;
  const admin = lazily(() => live.current.admin);
  try {
    const server = await startAdmin(admin, { ...sources, clock: context.clock, logger, secrets: context.secrets });
    logger.info({ url: server.url }, 'health and metrics are served');
    return server;
  } catch (cause) {
    throw cannotListen('admin', 'set ADMIN_HOST and ADMIN_PORT to what is free, or ADMIN_PORT=0 for none', cause);
  }
}

export function cannotListen(server: string, remedy: string, cause: unknown): ExitError {
  const why = errorText(cause);
  return new ExitError(EXIT.configuration, `the ${server} server cannot listen (${why}); ${remedy}`, { cause });
}
