/**
 * The hash by which the Java client and kafkajs choose a record's partition: MurmurHash2 of the key bytes, 32 bits,
 * seed 0x9747b28c (org.apache.kafka.common.utils.Utils.murmur2).
 */
const seed = 0x9747b28c;
const multiplier = 0x5bd1e995;

/** A signed 32-bit integer. */
export function murmur2(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tailAt = bytes.length - (bytes.length % 4);
  let hash = seed ^ bytes.length;
  for (let at = 0; at < tailAt; at += 4) {
    let word = Math.imul(view.getInt32(at, true), multiplier);
    word = Math.imul(word ^ (word >>> 24), multiplier);
    hash = Math.imul(hash, multiplier) ^ word;
  }
  if (tailAt < bytes.length) {
    for (let at = bytes.length - 1; at >= tailAt; at--) hash ^= view.getUint8(at) << (8 * (at - tailAt));
    hash = Math.imul(hash, multiplier);
  }
  hash = Math.imul(hash ^ (hash >>> 13), multiplier);
  return hash ^ (hash >>> 15);
}

export function partitionOfKey(key: Uint8Array, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount;
}
