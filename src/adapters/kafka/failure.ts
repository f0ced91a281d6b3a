import type { KafkaExplanation, KafkaFault } from './errors.ts';

/** Ends the log: nothing that waiting could mend. */
export class KafkaFailure extends Error {
  override readonly name = 'KafkaFailure';
  readonly code: KafkaFault;
  readonly advice: string;
  /** The message without the advice. */
  readonly reason: string;

  constructor({ code, message, advice }: Omit<KafkaExplanation, 'retriable'>, options?: ErrorOptions) {
    super(`${message}. ${advice}`, options);
    this.code = code;
    this.advice = advice;
    this.reason = message;
  }
}
