/** Batches that claim more than they hold, or hold more than memory should: in a process with little memory. */
import { execFile } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { unpack } from '../../src/adapters/kafka/codec/codecs.ts';
import { UNPACKED_BYTES_MAX } from '../../src/adapters/kafka/codec/bytes.ts';
import { compress, type Compression, snappyLength, types, xerial, zstdFrame } from '../support/compressed.ts';

const MB = 1024 * 1024;
const zeros = (bytes: number): Buffer => Buffer.alloc(bytes);

interface Unpacked {
  readonly length?: number;
  readonly name?: string;
  readonly message?: string;
  readonly grownBytes: number;
}

function inChild(compression: Compression, bytes: Buffer): Promise<Unpacked> {
  const argv = ['--max-old-space-size=48', '--import', 'tsx', 'test/support/unpack-child.ts', `${types[compression]}`];
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, argv, (error, stdout) =>
      error ? reject(error) : resolve(JSON.parse(stdout) as Unpacked),
    );
    child.stdin?.on('error', () => undefined).end(bytes);
  });
}

/** A frame of LZ4 that claims this size, with one stored byte. */
function lz4Claiming(claimed: bigint): Buffer {
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(claimed);
  return Buffer.concat([
    Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x68, 0x70]),
    size,
    Buffer.from([0, 1, 0, 0, 0x80, 0x61, 0, 0, 0, 0]),
  ]);
}

describe('more than is allowed', { timeout: 60_000 }, () => {
  test.each<[string, Compression, () => Buffer]>([
    ['gzip of 300 MB', 'gzip', () => compress.gzip(zeros(300 * MB))],
    ['LZ4 of 100 MB', 'lz4', () => compress.lz4(zeros(100 * MB))],
    ['LZ4 that claims 4 GB', 'lz4', () => lz4Claiming(2n ** 32n)],
    ['LZ4 that claims 2^63', 'lz4', () => lz4Claiming(2n ** 63n)],
    ['snappy that claims 4 GB', 'snappy', () => Buffer.concat([snappyLength(2 ** 32 - 1), zeros(10)])],
    [
      'snappy in blocks that claim 1 GB each',
      'snappy',
      () => xerial(...Array.from({ length: 9 }, () => Buffer.concat([snappyLength(2 ** 30), zeros(10)]))),
    ],
    ['Zstandard of 300 MB', 'zstd', () => zstdFrame(zeros(300 * MB))],
    [
      'Zstandard in 10 frames of 10 MB',
      'zstd',
      () => Buffer.concat(Array.from({ length: 10 }, () => zstdFrame(zeros(10 * MB)))),
    ],
    ['Zstandard that claims 2^40', 'zstd', () => zstdFrame(zeros(10), { claimedBytes: 2 ** 40 })],
    [
      'Zstandard in 10 frames that claim 100 MB each',
      'zstd',
      () => Buffer.concat(Array.from({ length: 10 }, () => zstdFrame(zeros(10), { claimedBytes: 100 * MB }))),
    ],
  ])('%s is refused before it is unpacked', async (_, compression, bytes) => {
    const { name, message, grownBytes } = await inChild(compression, bytes());
    expect(name).toBe('TooLargeError');
    expect(message).toContain(String(UNPACKED_BYTES_MAX));
    expect(grownBytes).toBeLessThan(250 * MB);
  });

  test.each<[string, Compression, () => Buffer, number]>([
    [
      '10 frames of Zstandard that claim a window of 1 GB',
      'zstd',
      () => Buffer.concat(Array.from({ length: 10 }, () => zstdFrame(Buffer.from('text'), { windowLog: 30 }))),
      40,
    ],
    [
      '20,000 frames of Zstandard that claim a window of 8 MB',
      'zstd',
      () => Buffer.concat(Array.from({ length: 20_000 }, () => zstdFrame(Buffer.from('a'), { windowLog: 23 }))),
      20_000,
    ],
    [
      'LZ4 in thousands of small blocks of a frame with large ones',
      'lz4',
      () =>
        Buffer.concat([
          Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0]),
          ...Array.from({ length: 5_000 }, () => Buffer.from([2, 0, 0, 0, 0x10, 0x61])),
          zeros(4),
        ]),
      5_000,
    ],
  ])('%s take no more than they hold', async (_, compression, bytes, length) => {
    const unpacked = await inChild(compression, bytes());
    expect(unpacked).toMatchObject({ length });
    expect(unpacked.grownBytes).toBeLessThan(60 * MB);
  });
});

const text = Buffer.from(JSON.stringify(Array.from({ length: 100_000 }, (_, i) => ({ id: i, name: `n${i % 977}` }))));
const mixed = Buffer.concat([text, zeros(8 * MB), text, Buffer.from([1, 2, 3])]);

test.each<Compression>(['gzip', 'snappy', 'lz4', 'zstd'])(
  'a large good batch is unpacked to the byte: %s',
  async (name) => {
    for (const bytes of [zeros(0), Buffer.from('a'), text, mixed])
      expect((await unpack(types[name], compress[name](bytes))).equals(bytes)).toBe(true);
  },
);

test('frames and blocks that follow each other are unpacked in their order', async () => {
  const both = Buffer.concat([text, mixed]);
  const two = (name: Compression): Buffer => Buffer.concat([compress[name](text), compress[name](mixed)]);
  for (const name of ['gzip', 'lz4', 'zstd'] as const)
    expect((await unpack(types[name], two(name))).equals(both)).toBe(true);
  const blocks = xerial(compress.snappy(text), compress.snappy(mixed));
  expect((await unpack(types.snappy, blocks)).equals(both)).toBe(true);
});

describe('a batch that is damaged', () => {
  test.each<Compression>(['gzip', 'snappy', 'lz4', 'zstd'])(
    'anywhere (%s) ends in an error, or in other bytes',
    async (name) => {
      const whole = compress[name](Buffer.from('a text, a text, a text, and a text '.repeat(20)));
      for (let at = 0; at < whole.length; at += 1) {
        for (const bytes of [whole.subarray(0, at), flipped(whole, at)]) {
          const unpacked = await unpack(types[name], bytes).catch((error: Error) => error);
          expect(unpacked instanceof Error || unpacked.length < 100_000).toBe(true);
        }
      }
    },
  );

  test('of an unknown compression is reported as that', async () => {
    await expect(unpack(5, zeros(10))).rejects.toThrow('this compression is not known');
  });
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 0xff;
  return copy;
}
