/** The notifier against a real HTTP server: what counts as delivered, the signature, limits, and that its address stays secret. */
import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/system.ts';
import { WebhookNotifier } from '../../src/adapters/webhook-notifier.ts';
import type { Clock } from '../../src/ports.ts';
import { startConnectProxy } from '../support/connect-proxy.ts';
import { aLog, atEnd, type Log } from '../support/genesys.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { WebhookReceiver } from '../support/receiver.ts';
import { aWorld, until, type World } from '../support/world.ts';

const PATH = '/services/T0123456789/abcdefghijklmnop?token=qrstuvwxyz012345';
const proxy = { httpProxy: '', httpsProxy: '', noProxy: '' };

let receiver: WebhookReceiver;
/** As each test begins; some close the server. */
let origin: string;

beforeEach(async () => {
  receiver = await new WebhookReceiver().listen();
  origin = receiver.origin;
});

afterEach(() => receiver.close());

function aNotifier(key: string | null = null, clock: Clock = systemClock, via = proxy) {
  const logger = aLog();
  const notifier = new WebhookNotifier(
    () => ({ url: new URL(origin + PATH), key: key === null ? null : Buffer.from(key) }),
    { clock, logger, proxy: via },
  );
  atEnd(() => notifier.close());
  return { notifier, logger };
}

const notice = { id: 'msg-1', body: '{"v":1,"text":"a &amp; ö"}' };

const saidIn = ({ lines }: Log): string => JSON.stringify(lines);

describe('a message', () => {
  test('is a POST of the body as it is, with its id, its time and its signature', async () => {
    const { notifier, logger } = aNotifier('a key of more than 16 characters');
    expect(await notifier.notify(notice)).toBe('delivered');
    const [{ request, body } = { request: null, body: '' }] = receiver.received;
    expect([request?.method, request?.url, body]).toEqual(['POST', PATH, notice.body]);
    const { 'content-type': type, 'webhook-id': id, 'webhook-timestamp': at, ...headers } = request?.headers ?? {};
    expect([type, id]).toEqual(['application/json', 'msg-1']);
    expect(Math.abs(Number(at) - Date.now() / 1_000)).toBeLessThan(60);
    const mac = createHmac('sha256', 'a key of more than 16 characters').update(`msg-1.${String(at)}.${body}`);
    expect(headers['webhook-signature']).toBe(`v1,${mac.digest('base64')}`);
    expect(logger.lines).toEqual([]);
  });

  test('without a key is not signed', async () => {
    const { notifier } = aNotifier();
    await notifier.notify(notice);
    expect(receiver.received[0]?.request.headers).not.toHaveProperty('webhook-signature');
    expect(receiver.received[0]?.request.headers['webhook-id']).toBe('msg-1');
  });

  test('goes through the proxy of the environment', async () => {
    const connect = await startConnectProxy(origin);
    atEnd(() => connect.close());
    const { notifier } = aNotifier(null, systemClock, { ...proxy, httpProxy: `http://127.0.0.1:${connect.port}` });
    expect(await notifier.notify(notice)).toBe('delivered');
    expect(connect.tunnels).toEqual([]);
    const logger = aLog();
    const outside = new WebhookNotifier(() => ({ url: new URL(`http://hooks.invalid${PATH}`), key: null }), {
      clock: systemClock,
      logger,
      proxy: { ...proxy, httpProxy: `http://127.0.0.1:${connect.port}` },
    });
    atEnd(() => outside.close());
    expect(await outside.notify(notice)).toBe('delivered');
    expect(connect.tunnels.map(({ to }) => to)).toEqual(['hooks.invalid:80']);
  });
});

describe('not delivered is', () => {
  test.each([
    [400, 'refused'],
    [404, 'refused'],
    [410, 'refused'],
    [413, 'refused'],
    [422, 'refused'],
    [408, 'failed'],
    [429, 'failed'],
    [500, 'failed'],
    [503, 'failed'],
  ])('status %i, which is %s', async (status, kind) => {
    const { notifier, logger } = aNotifier();
    receiver.respond = (response) => void response.writeHead(status).end('no');
    expect(await notifier.notify(notice)).toEqual({ kind, askedMs: null });
    expect(logger.lines).toMatchObject([
      {
        fields: { receiver: origin, why: `status ${status}` },
        message: 'a notification is not delivered, trying again',
      },
    ]);
  });

  test('429 that says how long to wait', async () => {
    const { notifier } = aNotifier();
    receiver.respond = (response) => void response.writeHead(429, { 'retry-after': '30' }).end();
    expect(await notifier.notify(notice)).toEqual({ kind: 'failed', askedMs: 30_000 });
  });

  test('a redirect, which is not followed', async () => {
    const { notifier } = aNotifier();
    receiver.respond = (response) => void response.writeHead(307, { location: `${origin}/elsewhere` }).end();
    expect(await notifier.notify(notice)).toMatchObject({ kind: 'failed' });
    expect(receiver.received).toHaveLength(1);
  });

  test('no answer within 10 s', async () => {
    const clock = new ManualClock();
    const { notifier, logger } = aNotifier(null, clock);
    receiver.respond = () => undefined;
    const outcome = notifier.notify(notice);
    await until(() => receiver.received.length === 1, 'the request');
    await clock.advance(10_000);
    expect(await outcome).toMatchObject({ kind: 'failed' });
    expect(saidIn(logger)).toContain('no answer within 10000 ms');
    expect(clock.scheduledCount).toBe(0);
  });

  test('no connection', async () => {
    const { notifier, logger } = aNotifier();
    await receiver.close();
    expect(await notifier.notify(notice)).toMatchObject({ kind: 'failed' });
    expect(saidIn(logger)).toContain('ECONNREFUSED');
  });

  test('what is on its way when the service ends, without a line in the log', async () => {
    const { notifier, logger } = aNotifier();
    receiver.respond = () => undefined;
    const outcome = notifier.notify(notice);
    await until(() => receiver.received.length === 1, 'the request');
    await notifier.close();
    expect([await outcome, logger.lines]).toEqual([{ kind: 'failed', askedMs: null }, []]);
  });
});

test('an answer without an end is not read', async () => {
  const { notifier } = aNotifier();
  let isGone = false;
  receiver.respond = (response) => {
    response.on('close', () => (isGone = true));
    response.writeHead(200);
    const more = (): void => void (response.write('x'.repeat(65_536)) && setImmediate(more));
    more();
  };
  expect(await notifier.notify(notice)).toBe('delivered');
  await until(() => isGone, 'the end of the connection');
});

test('no part of the address is logged', async () => {
  const { notifier, logger } = aNotifier();
  for (const status of [301, 404, 500]) {
    receiver.respond = (response) => void response.writeHead(status, { location: origin + PATH }).end(PATH);
    await notifier.notify(notice);
  }
  expect(logger.lines.length).toBeGreaterThan(0);
  for (const part of ['services', 'T0123456789', 'abcdefgh', 'qrstuvwx']) expect(saidIn(logger)).not.toContain(part);
});

describe('the service', () => {
  const guard = { groupPercent: 30, groupFloor: 2, groupCount: 500, windowCount: 5_000, windowMs: 600_000 };
  const group = { id: 'g', members: ['a', 'b', 'c', 'd'], version: 1 };

  async function held(): Promise<World> {
    const world = await aWorld({ sandbox: { seed: { groups: [group] } } });
    world.change('g', { remove: group.members });
    return world;
  }

  test('sends what is held when it stops, and its next owner nothing more', async () => {
    // given
    const world = await held();
    const { notifier } = aNotifier();
    const one = await world.start({ notifier, pipeline: { guard } });
    await world.expectRest(one);
    // when
    await one.pipeline.drain();
    // then
    expect(receiver.messages).toMatchObject([{ kind: 'held', removal_count: 4 }]);
    const two = await world.start({ name: 'two', notifier, pipeline: { guard } });
    await world.expectRest(two);
    await two.pipeline.drain();
    expect(receiver.received).toHaveLength(1);
  });

  test('leaves to its next owner what the receiver refuses', async () => {
    const world = await held();
    const { notifier } = aNotifier();
    receiver.respond = (response) => void response.writeHead(503).end();
    const one = await world.start({ notifier, pipeline: { guard } });
    await world.expectRest(one);
    await one.pipeline.drain();
    receiver.respond = (response) => void response.writeHead(200).end('ok');
    const two = await world.start({ name: 'two', notifier, pipeline: { guard } });
    await world.expectRest(two);
    await two.pipeline.drain();
    const [first, second] = receiver.messages;
    expect([first?.groups, receiver.received.length]).toEqual([second?.groups, 2]);
    expect(first.id).not.toBe(second.id);
  });
});
