/** One process of a run: plays its share of the seeds and tells how far it is. */
import type { Job, Tally } from './run.ts';
import { runSeeds } from './run.ts';

export type Message =
  | { readonly kind: 'progress'; readonly histories: number }
  | {
      readonly kind: 'done';
      readonly tally: Omit<Tally, 'counts'>;
      readonly counts: readonly (readonly [string, number])[];
    };

const post = (message: Message): void => void process.send?.(message);

const PROGRESS_EACH = 5;

const { counts, ...tally } = await runSeeds(JSON.parse(process.argv[2] ?? '') as Job, ({ histories }) => {
  if (histories % PROGRESS_EACH === 0) post({ kind: 'progress', histories });
});
post({ kind: 'done', tally, counts: [...counts.counts] });
process.disconnect();
