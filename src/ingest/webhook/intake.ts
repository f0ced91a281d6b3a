/**
 * A body → records → Kafka. What a format reads goes to the ingest topic as native records, in the order of arrival; what
 * it cannot read, and what only hints at a change, goes to the dead-letter topic. Acknowledged means: all of it is written.
 */
import { createHash } from 'node:crypto';
import {
  isChange,
  isUnread,
  type Decoded,
  type Hint,
  type Invalid,
  type SourceEvent,
  type SourceFormat,
  type SourceRecord,
} from '../../core/change/change.ts';
import type { KnownSecrets } from '../../core/text/redact.ts';
import { auth0 } from '../../formats/auth0.ts';
import { entra } from '../../formats/entra/entra.ts';
import { keycloak } from '../../formats/keycloak.ts';
import { okta } from '../../formats/okta.ts';
import { scimEvents } from '../../formats/scim/events.ts';
import type { TokenVerifier } from '../../formats/scim/token-verifier.ts';
import type { Clock, Logger, OutRecord } from '../../ports.ts';
import { warningsOf, type Warnings } from '../aggregated-warnings.ts';
import { deadLettersFor, deliver, nativeRecords, type Origin } from '../delivery.ts';
import type { SendQueue } from '../send-queue.ts';
import type { KindName, WebhookKind } from './kind.ts';

export interface IntakeOptions {
  readonly topic: string;
  readonly deadLetterTopic: string;
  readonly queue: SendQueue;
  readonly clock: Pick<Clock, 'now'>;
  readonly warnings: WebhookWarnings;
}

/** One kind of sender, and how its bodies are read. */
export interface Sender {
  readonly kind: WebhookKind;
  readonly format: SourceFormat;
  /** The sender's, which is taken out of what is kept. */
  readonly secrets: KnownSecrets;
}

/** The bytes and headers of a request. */
export type Received = SourceRecord & { readonly value: Uint8Array };

/** `refused`: nothing of the body could be read, and it is in the dead-letter topic. */
export type Intaken =
  | { readonly kind: 'written' }
  | { readonly kind: 'refused'; readonly problem: Invalid }
  | { readonly kind: 'no_room' };

/** About 100 bytes each. */
const REMEMBERED_MAX = 50_000;

export class Intake {
  readonly #options: IntakeOptions;
  readonly #remembered = new RecentResults<Promise<Intaken>>(REMEMBERED_MAX);
  #prepared: Promise<unknown> = Promise.resolve();

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Rejects where Kafka will not acknowledge any more. */
  async take(sender: Sender, record: Received): Promise<Intaken> {
    if (sender.format.prepare !== undefined) await this.#prepare(sender.format, record);
    const { topic, deadLetterTopic, clock, queue, warnings } = this.#options;
    const events = sender.format.decode(record, { partitionCount: 1 });
    // A message may quote the body.
    const redacted = ({ message, ...event }: Hint | Invalid) => ({ ...event, message: sender.secrets.redact(message) });
    const problems = events.filter(isUnread).map(redacted);
    this.#tell(sender.kind.name, problems);
    const origin = originOf(sender, record, clock.now().wall);
    const records = [...nativeRecords(events, topic), ...deadLettersFor(deadLetterTopic, problems, origin)];
    const verdict = verdictOf(events);
    if (records.length === 0) return verdict;
    const name = isNamed(events) ? nameOf(sender.kind.name, records) : null;
    return this.#once(name, () => {
      const written = deliver(records, { queue, deadLetterTopic, origin });
      if (written === null) return null;
      return written.then((tooLarge) => {
        if (tooLarge > 0) warnings.deadLetters.count('too_large', tooLarge);
        return verdict;
      });
    });
  }

  /** One after the other: a token whose key is known must not overtake one whose key is being fetched. */
  async #prepare(format: SourceFormat, record: SourceRecord): Promise<void> {
    const turn = this.#prepared.then(() => format.prepare?.([record]));
    // One that fails is not the failure of those behind it.
    this.#prepared = turn.catch(() => undefined);
    await turn;
  }

  #tell(name: KindName, problems: readonly (Hint | Invalid)[]): void {
    const { hints, deadLetters } = this.#options.warnings;
    for (const { kind } of problems) (kind === 'hint' ? hints : deadLetters).count(name);
  }

  #once(name: string | null, write: () => Promise<Intaken> | null): Promise<Intaken> {
    const former = name === null ? undefined : this.#remembered.get(name);
    if (former !== undefined) return former;
    const result = write();
    if (result === null) return Promise.resolve({ kind: 'no_room' });
    if (name === null) return result;
    this.#remembered.set(name, result);
    // What failed is to be tried when it is repeated.
    result.catch(() => this.#remembered.delete(name, result));
    return result;
  }
}

function verdictOf(events: Decoded): Intaken {
  const [first] = events;
  const isRefused = events.every(({ kind }) => kind === 'invalid');
  return first.kind === 'invalid' && isRefused ? { kind: 'refused', problem: first } : { kind: 'written' };
}

/** Two equal bodies may be two changes where an event has no id; what is unread has none, nor do hints. */
const isNamed = (events: readonly SourceEvent[]): boolean =>
  events.every((event) => (isChange(event) ? event.eventId !== null : !isUnread(event)));

function nameOf(kind: KindName, records: readonly OutRecord[]): string {
  const hash = createHash('sha256').update(kind);
  for (const { topic, key, value } of records) {
    for (const part of [topic, key ?? '', value ?? '']) hash.update(`${part.length}:`).update(part);
  }
  return hash.digest('base64');
}

function originOf({ kind, secrets }: Sender, { value, headers }: Received, at: number): Origin {
  const text = Buffer.from(value).toString('latin1');
  // One character a byte, so that no other byte is changed.
  return { source: `webhook/${kind.name}`, at, value: Buffer.from(secrets.redactWhole(text), 'latin1'), headers };
}

/**
 * Requests that were taken, by what they tell. A sender that repeats one gets the answer of the first: written again, an
 * old change would stand behind a newer one of the same member. Only for as long as the process lives, and so many.
 */
export class RecentResults<T> {
  readonly #results = new Map<string, T>();
  readonly #countMax: number;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  get(name: string): T | undefined {
    return this.#results.get(name);
  }

  /** Unless another result stands for the name by now: too many others may have come in between. */
  delete(name: string, result: T): void {
    if (this.#results.get(name) === result) this.#results.delete(name);
  }

  set(name: string, result: T): void {
    this.#results.set(name, result);
    const [oldest] = this.#results.keys();
    if (this.#results.size > this.#countMax && oldest !== undefined) this.#results.delete(oldest);
  }
}

/* How the bodies of each kind of sender are read. */

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

export type WebhookWarnings = Warnings<'refusals' | 'hints' | 'deadLetters'>;

export const webhookWarnings = (clock: Pick<Clock, 'schedule'>, logger: Pick<Logger, 'warn'>): WebhookWarnings =>
  warningsOf(
    {
      refusals: { message: 'requests were refused' },
      hints: {
        message: 'notifications say that a group has changed, not how; they are in the dead-letter topic',
        advice: 'run `rollcall ingest poll` beside it, which reads what has changed',
      },
      deadLetters: { message: 'what could not be read is in the dead-letter topic' },
    },
    clock,
    logger,
  );
