/** The room for bodies: what a request has taken is free again, however it ends. */
import { PassThrough } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { readBody, Room } from '../../src/ingest/webhook/body.ts';

const ROOM = 100;

/** A request whose body comes as it is written. */
function aRequest(headers: Readonly<Record<string, string>> = {}) {
  const body = new PassThrough();
  return { body, request: Object.assign(body, { headers }) as unknown as IncomingMessage };
}

const hasAll = (room: Room): boolean => {
  const isFree = room.take(ROOM);
  if (isFree) room.giveBack(ROOM);
  return isFree;
};

describe('a body', () => {
  test('that was read keeps its room until it is given back', async () => {
    const room = new Room(ROOM);
    const { request, body } = aRequest();
    const read = readBody(request, ROOM, room);
    body.write('a'.repeat(60));
    body.end('b'.repeat(40));
    expect(String(await read)).toBe(`${'a'.repeat(60)}${'b'.repeat(40)}`);
    expect(room.take(1)).toBe(false);
    room.giveBack(ROOM);
    expect(hasAll(room)).toBe(true);
  });

  test('of the largest size is read, and one byte more is too much', async () => {
    for (const [size, isRead] of [
      [50, true],
      [51, false],
    ] as const) {
      const room = new Room(ROOM);
      const { request, body } = aRequest();
      const read = readBody(request, 50, room);
      body.end('a'.repeat(size));
      expect(typeof (await read) === 'string').toBe(!isRead);
    }
  });

  test('that grows too large on the way gives back what it had', async () => {
    const room = new Room(ROOM);
    const { request, body } = aRequest();
    const read = readBody(request, 50, room);
    body.write('a'.repeat(40));
    body.write('a'.repeat(40));
    expect(await read).toBe('too_large');
    expect(hasAll(room)).toBe(true);
  });

  test('that is announced too large is not read at all', async () => {
    const room = new Room(ROOM);
    const { request, body } = aRequest({ 'content-length': '51' });
    expect(await readBody(request, 50, room)).toBe('too_large');
    body.write('a');
    expect(hasAll(room)).toBe(true);
  });

  test('without room gives back what it had', async () => {
    const room = new Room(ROOM);
    expect(room.take(70)).toBe(true);
    const { request, body } = aRequest();
    const read = readBody(request, ROOM, room);
    body.write('a'.repeat(20));
    body.write('a'.repeat(20));
    expect(await read).toBe('no_room');
    room.giveBack(70);
    expect(hasAll(room)).toBe(true);
  });

  test('that is broken off gives back what it had, and is no error', async () => {
    const room = new Room(ROOM);
    const { request, body } = aRequest();
    const read = readBody(request, ROOM, room);
    body.write('a'.repeat(40));
    await new Promise((resolve) => setImmediate(resolve));
    body.destroy(new Error('ECONNRESET'));
    expect(await read).toBe('broken_off');
    expect(hasAll(room)).toBe(true);
  });
});
