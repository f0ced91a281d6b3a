/**
 * Requests that kafkajs 2.2.4 does not know (kafkajs.md 1.2), sent over its connections. They are of the flexible kind
 * (KIP-482): the header and each structure end with tagged fields, of which we send none and skip all.
 */
import { createRequire } from 'node:module';
import type { Broker } from 'kafkajs';

/** The part of kafkajs's encoder that is used. */
export interface Encoder {
  writeBoolean(value: boolean): Encoder;
  writeInt8(value: number): Encoder;
  writeUVarInt(value: number): Encoder;
  writeUVarIntString(value: string): Encoder;
  writeBufferInternal(value: Buffer): void;
}

/** The part of kafkajs's decoder that is used. */
export interface Decoder {
  readBoolean(): boolean;
  readInt16(): number;
  readInt32(): number;
  readBytes(length: number): Buffer;
  readUVarInt(): number;
  readUVarIntString(): string | null;
  forward(length: number): void;
}

export interface NewerRequest<T> {
  readonly apiKey: number;
  readonly apiName: string;
  readonly apiVersion: number;
  readonly encode: (encoder: Encoder) => void;
  readonly decode: (decoder: Decoder) => T;
}

/** What kafkajs has of a connected broker, and does not show. */
type OpenBroker = Broker & {
  readonly versions: Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>> | null;
  readonly connectionPool: { send(request: object): Promise<unknown> };
};

const load = createRequire(import.meta.url);
const RequestEncoder = load('kafkajs/src/protocol/encoder') as new () => Encoder;
const ResponseDecoder = load('kafkajs/src/protocol/decoder') as new (payload: Buffer) => Decoder;

/** null: the broker does not speak this version. @throws what kafkajs throws where there is no answer */
export async function sendNewer<T>(broker: Broker, request: NewerRequest<T>): Promise<T | null> {
  const { connectionPool, versions } = broker as OpenBroker;
  const { apiKey, apiName, apiVersion, encode, decode } = request;
  const spoken = versions?.[apiKey];
  if (spoken === undefined || apiVersion < spoken.minVersion || apiVersion > spoken.maxVersion) return null;
  const answer = await connectionPool.send({
    request: {
      apiKey,
      apiName,
      apiVersion,
      encode: async () => {
        const encoder = new RequestEncoder();
        writeNoTags(encoder);
        encode(encoder);
        return encoder;
      },
    },
    response: {
      decode: async (payload: Buffer) => {
        const decoder = new ResponseDecoder(payload);
        skipTags(decoder);
        return { value: decode(decoder) };
      },
      parse: async (decoded: { readonly value: T }) => decoded,
    },
  });
  return (answer as { readonly value: T }).value;
}

export const writeNoTags = (encoder: Encoder): void => void encoder.writeUVarInt(0);

export function skipTags(decoder: Decoder): void {
  for (let left = decoder.readUVarInt(); left > 0; left -= 1) {
    decoder.readUVarInt();
    decoder.forward(decoder.readUVarInt());
  }
}

/** A compact array: null counts as empty. */
export function readArray<T>(decoder: Decoder, read: (decoder: Decoder) => T): readonly T[] {
  const length = Math.max(0, decoder.readUVarInt() - 1);
  return Array.from({ length }, () => read(decoder));
}
