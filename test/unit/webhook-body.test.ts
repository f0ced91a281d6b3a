/** The room for bodies: what a request has taken is free again, however it ends. */
import { PassThrough } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { type Body, bytesOf, readBody, Room } from '../../src/ingest/webhook/body.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { stubOf } from '../support/stub.ts';

const ROOM = 100;
const WITHIN_MS = 10_000;

function anEndpoint(roomBytes = ROOM) {
  const clock = new ManualClock();
  const room = new Room(roomBytes);
  /** A request whose body comes as it is written. */
  const request = (bytesMax: number, headers: Readonly<Record<string, string>> = {}) => {
    const body = new PassThrough();
    const incoming = Object.assign(body, stubOf<IncomingMessage>({ headers }));
    return { body, read: readBody(incoming, { bytesMax, withinMs: WITHIN_MS, room, clock }) };
  };
  /** All of it can be taken, and nothing is scheduled any more. */
  const isFree = async (): Promise<boolean> => {
    const { body, read } = request(ROOM);
    body.end('a'.repeat(ROOM));
    const taken = await read;
    if (typeof taken !== 'string') room.giveBack(bytesOf(taken));
    return typeof taken !== 'string' && clock.scheduledCount === 0;
  };
  return { clock, room, request, isFree };
}

const kindOf = (body: Body): string => (typeof body === 'string' ? body : 'read');

describe('a body', () => {
  test('that was read keeps its room until it is given back', async () => {
    const { room, request, isFree } = anEndpoint();
    const { body, read } = request(ROOM);
    body.write('a'.repeat(60));
    body.end('b'.repeat(40));
    expect(String(await read)).toBe(`${'a'.repeat(60)}${'b'.repeat(40)}`);
    expect(await isFree()).toBe(false);
    room.giveBack(ROOM);
    expect(await isFree()).toBe(true);
  });

  test.each([
    ['of the largest size is read', 50, 'read'],
    ['of one byte more is too large', 51, 'too_large'],
  ])('%s', async (_, size, kind) => {
    const { body, read } = anEndpoint().request(50);
    body.end('a'.repeat(size));
    expect(kindOf(await read)).toBe(kind);
  });

  test.each([
    ['a thousand chunks of one byte are read', 1_000, 1, 'read'],
    ['more of them are refused', 1_001, 1, 'too_fragmented'],
    ['more of them are read where they are not tiny', 3_000, 64, 'read'],
    ['and refused where they are', 3_000, 63, 'too_fragmented'],
  ])('%s', async (_, count, size, kind) => {
    const { body, read } = anEndpoint(1_000_000).request(1_000_000);
    for (let i = 0; i < count; i++) body.write('a'.repeat(size));
    body.end();
    const taken = await read;
    expect(kindOf(taken)).toBe(kind);
  });

  test('in chunks is what was sent, and holds on to nothing else', async () => {
    const { body, read } = anEndpoint().request(ROOM);
    const socketBuffer = Buffer.alloc(65_536, 'x');
    for (let at = 0; at < 60; at += 3) body.write(socketBuffer.subarray(at, at + 3));
    body.end('end');
    const taken = await read;
    if (typeof taken === 'string') throw new Error(taken);
    expect(String(taken)).toBe(`${'x'.repeat(60)}end`);
    expect(taken.buffer.byteLength).toBeLessThanOrEqual(ROOM);
  });

  test.each([
    ['of unknown length takes what it may grow into', {}, 'no_room'],
    ['takes no more than it has announced', { 'content-length': '61' }, 'read'],
  ])('%s', async (_, headers, other) => {
    const { clock, request } = anEndpoint();
    const { body, read } = request(ROOM, headers);
    body.write('a'.repeat(40));
    await clock.settle();
    body.end('a'.repeat(21));
    await read;
    const later = request(ROOM);
    later.body.end('a'.repeat(30));
    expect(kindOf(await later.read)).toBe(other);
  });

  test('that is refused keeps nothing of what still comes', async () => {
    const { clock, request } = anEndpoint(1_000_000);
    const { body, read } = request(1_000_000);
    for (let i = 0; i < 3_000; i++) body.write('a');
    expect(await read).toBe('too_fragmented');
    for (let i = 0; i < 3_000; i++) body.write('a');
    await clock.settle();
    expect(body.readableLength).toBe(0);
  });

  test('that grows too large on the way gives back what it had', async () => {
    const { request, isFree } = anEndpoint();
    const { body, read } = request(50);
    body.write('a'.repeat(40));
    body.write('a'.repeat(40));
    expect(await read).toBe('too_large');
    expect(await isFree()).toBe(true);
  });

  test('that is announced too large is not read at all', async () => {
    const { request, isFree } = anEndpoint();
    const { body, read } = request(50, { 'content-length': '51' });
    expect(await read).toBe('too_large');
    body.write('a');
    expect(await isFree()).toBe(true);
  });

  test('that is broken off gives back what it had, and is no error', async () => {
    const { clock, request, isFree } = anEndpoint();
    const { body, read } = request(ROOM);
    body.write('a'.repeat(40));
    await clock.settle();
    body.destroy(new Error('ECONNRESET'));
    expect(await read).toBe('broken_off');
    expect(await isFree()).toBe(true);
  });

  test('that takes too long gives back what it had', async () => {
    const { clock, request, isFree } = anEndpoint();
    const { body, read } = request(ROOM);
    body.write('a'.repeat(40));
    await clock.advance(WITHIN_MS);
    expect(await read).toBe('too_slow');
    expect(await isFree()).toBe(true);
  });

  test('that gives way to a smaller one gives back what it had', async () => {
    const { clock, request, room, isFree } = anEndpoint();
    const [large, small] = [request(ROOM), request(ROOM)];
    large.body.write('a'.repeat(90));
    await clock.settle();
    small.body.end('a'.repeat(20));
    expect([kindOf(await large.read), kindOf(await small.read)]).toEqual(['no_room', 'read']);
    room.giveBack(20);
    expect(await isFree()).toBe(true);
  });

  test('without room, behind bodies that are complete, gives back what it had', async () => {
    const { clock, request, room, isFree } = anEndpoint();
    const complete = request(ROOM);
    complete.body.end('a'.repeat(70));
    await complete.read;
    const { body, read } = request(ROOM);
    body.write('a'.repeat(20));
    await clock.settle();
    body.write('a'.repeat(20));
    expect(await read).toBe('no_room');
    room.giveBack(70);
    expect(await isFree()).toBe(true);
  });
});
