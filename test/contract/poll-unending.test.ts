/** A real answer whose body never ends: the request is given up in time, and at once where the poll is asked to stop. */
import v8 from 'node:v8';
import vm from 'node:vm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readBody, send } from '../../src/adapters/idp/request.ts';
import { systemClock } from '../../src/adapters/system.ts';
import { startIdp } from '../support/idp/server.ts';

v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc') as () => void;

// What fetch has let go of is gone soon after the head of the answer.
let collecting: NodeJS.Timeout;
beforeEach(() => void (collecting = setInterval(collect, 5)));
afterEach(() => clearInterval(collecting));

async function ask(timeoutMs: number, stop: AbortSignal): Promise<Uint8Array> {
  const { url } = await startIdp(() => ({ status: 200, body: '[', isEndless: true }));
  const limits = { timeoutMs, clock: systemClock, stop, dispatcherFor: () => null, read: readBody };
  return send(url, { headers: {} }, limits);
}

test('an answer that does not end is given up after the time limit', async () => {
  await expect(ask(200, new AbortController().signal)).rejects.toThrow('no answer within 200 ms');
});

test('a request that is to stop does not wait for it', async () => {
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 100);
  await expect(ask(60_000, stop.signal)).rejects.toThrow('asked to stop');
});
