/** A ChangeLogHandler that records its events, and lets a test wait for it. */
import type { Assignment, Batch, ChangeLogHandler, Heartbeat, InputTopic, LogRecord } from '../../src/ports.ts';

export type LogEvent =
  | { readonly type: 'joining' }
  | { readonly type: 'assigned'; readonly assignment: Assignment }
  | { readonly type: 'heartbeat'; readonly heartbeat: Heartbeat }
  | { readonly type: 'records'; readonly batch: Batch; readonly answer: 'taken' | 'declined' }
  | { readonly type: 'offsetOutOfRange'; readonly topic: InputTopic; readonly partition: number }
  | { readonly type: 'lost'; readonly reason: string }
  | { readonly type: 'failed'; readonly error: Error };

/** How long a test waits for anything before it fails. */
export const waitMaxMs = 60_000;

export class RecordingHandler implements ChangeLogHandler {
  readonly events: LogEvent[] = [];
  /** What the pipeline would do in these calls. */
  onJoining: () => void = () => {};
  onAssigned: (assignment: Assignment) => void = () => {};
  onRecords: (batch: Batch) => 'taken' | 'declined' = () => 'taken';
  readonly #listeners = new Set<() => void>();

  joining(): void {
    this.onJoining();
    this.#add({ type: 'joining' });
  }

  assigned(assignment: Assignment): void {
    this.onAssigned(assignment);
    this.#add({ type: 'assigned', assignment });
  }

  heartbeat(heartbeat: Heartbeat): void {
    this.#add({ type: 'heartbeat', heartbeat });
  }

  records(batch: Batch): 'taken' | 'declined' {
    const answer = this.onRecords(batch);
    this.#add({ type: 'records', batch, answer });
    return answer;
  }

  offsetOutOfRange(topic: InputTopic, partition: number): void {
    this.#add({ type: 'offsetOutOfRange', topic, partition });
  }

  lost(reason: string): void {
    this.#add({ type: 'lost', reason });
  }

  failed(error: Error): void {
    this.#add({ type: 'failed', error });
  }

  /** The assignment that holds at present; null: nothing is owned. */
  get assignment(): Assignment | null {
    const last = this.events.findLast(({ type }) => type === 'assigned' || type === 'joining' || type === 'lost');
    return last?.type === 'assigned' ? last.assignment : null;
  }

  /** Generation of the newest heartbeat. */
  get generation(): number {
    const last = this.events.findLast((event) => event.type === 'heartbeat');
    return last?.type === 'heartbeat' ? last.heartbeat.generation : 0;
  }

  get batches(): readonly Batch[] {
    return this.events.flatMap((event) => (event.type === 'records' && event.answer === 'taken' ? [event.batch] : []));
  }

  /** Taken records of one partition, in the order in which they came. */
  recordsOf(topic: InputTopic, partition: number): readonly LogRecord[] {
    const batches = this.batches.filter((batch) => batch.topic === topic && batch.partition === partition);
    return batches.flatMap(({ records }) => records);
  }

  /** Resolves once `condition` holds; it is asked again at every event. */
  async until(what: string, condition: () => boolean): Promise<void> {
    await untilAny([this], what, condition);
  }

  /** Calls `listener` after every event; the returned function ends that. */
  onEvent(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #add(event: LogEvent): void {
    this.events.push(event);
    for (const listener of this.#listeners) listener();
  }
}

/** Resolves once `condition` holds; it is asked again at every event of one of these handlers. */
export async function untilAny(
  handlers: readonly RecordingHandler[],
  what: string,
  condition: () => boolean,
): Promise<void> {
  const { promise, resolve, reject } = withResolvers();
  const check = (): void => {
    if (condition()) resolve();
  };
  const types = (): readonly string[] =>
    handlers.map(({ events }) =>
      events
        .slice(-8)
        .map(({ type }) => type)
        .join(' '),
    );
  const giveUp = (): void => reject(new Error(`waited in vain for ${what}; the last events: ${types().join(' | ')}`));
  const timer = setTimeout(giveUp, waitMaxMs);
  const stops = handlers.map((handler) => handler.onEvent(check));
  check();
  await promise.finally(() => {
    clearTimeout(timer);
    for (const stop of stops) stop();
  });
}

interface Resolvers {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Promise.withResolvers is not in Node 20. */
function withResolvers(): Resolvers {
  let resolve: () => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
