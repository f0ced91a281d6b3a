/** A real answer whose body never ends: the request is given up in time, and at once where the poll is asked to stop. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import v8 from 'node:v8';
import vm from 'node:vm';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { send } from '../../src/adapters/bounded-fetch.ts';
import { readBody } from '../../src/adapters/idp/http.ts';
import { systemClock } from '../../src/adapters/system.ts';

v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc') as () => void;

// What fetch has let go of is gone soon after the head of the answer.
let collecting: NodeJS.Timeout;
beforeEach(() => void (collecting = setInterval(collect, 5)));
afterEach(() => clearInterval(collecting));

/** A byte of white space now and then, as some proxies keep a connection open. */
async function ask(timeoutMs: number, stop: AbortSignal, onWritten = (): void => {}): Promise<Uint8Array> {
  const server = createServer((_request, response) => {
    response.writeHead(200);
    const dribble = setInterval(() => response.write(' ', onWritten), 10);
    response.once('close', () => clearInterval(dribble));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const limits = { timeoutMs, clock: systemClock, stop, dispatcherFor: () => null, read: readBody };
  return send(`http://127.0.0.1:${port}`, { headers: {} }, limits);
}

test('poll: an answer that does not end is given up after the time limit', async () => {
  await expect(ask(500, new AbortController().signal)).rejects.toThrow('no answer within 500 ms');
});

test('poll: a request that is to stop does not wait for it', async () => {
  const stop = new AbortController();
  // Once some of the body is there, and what fetch has let go of is collected.
  let writes = 0;
  const onWritten = (): void => {
    writes += 1;
    if (writes === 20) stop.abort();
  };
  await expect(ask(60_000, stop.signal, onWritten)).rejects.toThrow('asked to stop');
});
