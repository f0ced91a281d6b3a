/**
 * What serializers of a Schema Registry write is no JSON: a zero, the schema's id in four bytes, then Avro, Protobuf, or JSON.
 * https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
 */
import { type Invalid, type SourceRecord } from '../core/change.ts';
import { invalid } from './reading.ts';

const HEADER_LENGTH = 5;

/** null: other bytes. A second byte other than zero would be a schema id beyond 16 million; UTF-16 has its first character there. */
export const schemaRegistryProblem = ({ value }: SourceRecord): Invalid | null =>
  value !== null && value.length > HEADER_LENGTH && value[0] === 0 && value[1] === 0 ? encoded : null;

export const encoded = invalid(
  'schema_registry',
  'The data begins with the zero and the schema id of a Schema Registry (Avro, Protobuf or JSON Schema), which Rollcall does ' +
    'not read: set value.converter and key.converter to org.apache.kafka.connect.json.JsonConverter (and ' +
    'value.converter.schemas.enable=false), for CloudEvents value.converter.data.serializer.type=json, or let the producer ' +
    'write plain JSON.',
);
