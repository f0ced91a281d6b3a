/** A kind of sender: how it shows that it knows the secret, and what it wants to hear. Pure; the server asks it. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Invalid } from '../../core/change.ts';
import type { Answer } from './answer.ts';
import type { KindName } from './options.ts';

/** A request without its body. */
export interface Head {
  readonly method: 'GET' | 'POST';
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

export interface WebhookKind {
  readonly name: KindName;
  readonly methods: readonly ('GET' | 'POST')[];
  /** Of what is in the header `www-authenticate`; null: the secret travels elsewhere. */
  readonly challenge: string | null;
  /** The answer where the body does not matter (the sender verifies the address); null: it does. */
  greet(head: Head): Answer | null;
  /** `head`: `mayEnter` says that the sender knows the secret; `body`: only `isAuthentic` does, so little is read before. */
  readonly proof: 'head' | 'body';
  /** Whether it is worth reading the body. */
  mayEnter(head: Head): boolean;
  /** Whether the sender knows the secret. */
  isAuthentic(head: Head, body: Uint8Array): boolean;
  /** Everything that it tells is in Kafka. */
  readonly accepted: Answer;
  /** Of a body of which nothing can be read; it is in the dead-letter topic. null: that is good enough. */
  refused(problem: Invalid): Answer | null;
}
