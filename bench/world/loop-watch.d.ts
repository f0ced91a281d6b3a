/** A watch of the event loop of this process. */
export interface LoopWatch {
  /** The longest block since the last call, or since the start; ms. */
  takeLongestMs(): number;
  stop(): void;
}

export function watchLoop(): LoopWatch;
