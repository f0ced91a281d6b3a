import kafkajs from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { gzipSync } from 'node:zlib';
import { registerCodecs } from '../../src/adapters/kafka/codec/codecs.ts';

interface Codec {
  compress(): Promise<Buffer>;
  decompress(compressed: Buffer): Promise<Buffer>;
}

registerCodecs();
const { CompressionTypes } = kafkajs;
const codecs: Record<number, () => Codec> = kafkajs.CompressionCodecs;
const codec = (type: number) => codecs[type]?.() ?? expect.fail('no such codec');
const readOnly = [CompressionTypes.Snappy, CompressionTypes.LZ4, CompressionTypes.ZSTD];

describe('the codecs', () => {
  test('read snappy blocks without the framing of Java, as librdkafka writes them', async () => {
    // given a literal of four bytes: length 4, tag (4 - 1) << 2
    const raw = Buffer.concat([Buffer.from([4, 3 << 2]), Buffer.from('abcd')]);
    expect(String(await codec(CompressionTypes.Snappy).decompress(raw))).toBe('abcd');
  });

  test('refuse a batch that unpacks to more than memory should hold', async () => {
    const bomb = gzipSync(Buffer.alloc(129 * 1024 * 1024));
    const reading = codec(CompressionTypes.GZIP).decompress(bomb);
    await expect(reading).rejects.toMatchObject({ name: 'CompressionError', retriable: false });
  });

  test.each(readOnly)('say of a damaged batch that trying again is in vain (codec %i)', async (type) => {
    const reading = codec(type).decompress(Buffer.from('no such thing'));
    await expect(reading).rejects.toMatchObject({ name: 'CompressionError', retriable: false });
  });

  test.each([CompressionTypes.GZIP, ...readOnly])('write nothing (codec %i)', async (type) => {
    await expect(codec(type).compress()).rejects.toThrow(/can be read but not written/);
  });
});
