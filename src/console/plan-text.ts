/** What `rollcall plan` prints of each group, for people or as a line of JSON (the totals: plan-totals.ts), also after what is known last. */
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { constants, createGunzip, createGzip } from 'node:zlib';
import { jsonText } from '../core/text/visible.ts';
import { versionText } from './plan-totals.ts';
import { predictionsOf, type GroupPlan, type Prediction } from './dry-run.ts';

export function planText(plan: GroupPlan): string {
  const { group, requests, noop } = plan;
  const lines = [`group ${group}  ${versionText(plan)}`];
  for (const { method, path, if_match: version, body } of requests) {
    lines.push(
      `  ${method} ${path}  If-Match: ${version ?? 'the version of the answer before'}`,
      `    ${jsonText(body)}`,
    );
  }
  if (noop.length > 0) lines.push(`  already so: ${noop.join(', ')}`);
  for (const [member, count] of plan.superseded)
    lines.push(lineOf({ member, outcome: 'superseded', code: null }, count));
  for (const each of plan.predicted) {
    if (!LANDS.has(each.outcome)) lines.push(lineOf(each));
  }
  return `${lines.join('\n')}\n`;
}

/** The requests show it, or the line of those that are so already. */
const LANDS: ReadonlySet<Prediction['outcome']> = new Set(['applied', 'already_synced', 'recovered']);

const lineOf = ({ member, outcome, code }: Prediction, count = 1): string =>
  `  ${outcome}: ${member ?? '(full state)'}${code === null ? '' : ` (${code})`}${count === 1 ? '' : ` ${count} times`}`;

const SLICE = 1_000;

/** In pieces: each change is an entry, and one member may have millions of them. */
export function* planJson(plan: GroupPlan): Generator<string> {
  const { group, etag, requests, noop } = plan;
  yield `${jsonText({ group, etag, requests, noop }).slice(0, -1)},"predicted":[`;
  let [entries, comma]: [string[], string] = [[], ''];
  for (const each of predictionsOf(plan)) {
    entries.push(jsonText(each));
    if (entries.length < SLICE) continue;
    yield comma + entries.join(',');
    [entries, comma] = [[], ','];
  }
  yield `${entries.length === 0 ? '' : comma}${entries.join(',')}]}\n`;
}

/** Text that goes out after something that is not known yet. It waits compressed, and beside the heap that V8 limits. */
export class DeferredText {
  readonly #gzip = createGzip({ level: constants.Z_BEST_SPEED });
  readonly #chunks: Buffer[] = [];

  constructor() {
    this.#gzip.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
  }

  async write(text: string): Promise<void> {
    if (!this.#gzip.write(text)) await once(this.#gzip, 'drain');
  }

  /** All of it, in pieces; nothing can be written any more. */
  async *read(): AsyncGenerator<string> {
    const ended = once(this.#gzip, 'end');
    this.#gzip.end();
    await ended;
    const text = Readable.from(this.#chunks).pipe(createGunzip()).setEncoding('utf8');
    for await (const piece of text) yield String(piece);
  }
}
