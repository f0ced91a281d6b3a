/** Text that goes out after something that is not known yet. It waits compressed, and beside the heap that V8 limits. */
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { constants, createGunzip, createGzip } from 'node:zlib';

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
