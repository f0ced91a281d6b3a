/**
 * Ids in numeric columns. In the default decimal.handling.mode=precise a number is bytes, which JSON has in base64, and only the
 * schema says so: `org.apache.kafka.connect.data.Decimal` with its scale, or `io.debezium.data.VariableScaleDecimal`.
 * https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-decimal-types
 */
import { type FoundId, foundId } from './ids.ts';
import { type Fields, fieldsIn, invalid, isFields, listIn, textIn } from './reading.ts';

/** Part of a record, with the schema that Connect has written beside it; none where schemas are off. */
export interface Columns {
  readonly fields: Fields;
  readonly schema: unknown;
}

/** The schema of a field; undefined where there is none. */
export const schemaOf = (schema: unknown, field: string): unknown =>
  isFields(schema) ? listIn(schema['fields']).find((one) => fieldsIn(one)['field'] === field) : undefined;

export function idInColumn({ fields, schema }: Columns, column: string): FoundId {
  const value = fields[column];
  const field = `the column \`${column}\``;
  if (typeof value === 'string' && isBase64(value)) return idInText(value, schemaOf(schema, column), field);
  if (!isFields(value)) return foundId(value, field);
  const { scale, value: bytes } = value;
  if (scale === undefined || bytes === undefined) return foundId(value, field);
  const type = fieldsIn(schemaOf(schema, column));
  if (type['name'] !== VARIABLE_DECIMAL || typeof bytes !== 'string') return encoded(field);
  return wholeNumber(bytes, scale, field);
}

/** The schema says that the column is a number in bytes, no matter how its base64 looks. */
export const isNumberInBytes = (schema: unknown, column: string): boolean =>
  NUMBERS_IN_BYTES.has(textIn(fieldsIn(schemaOf(schema, column))['name']) ?? '');

const DECIMAL = 'org.apache.kafka.connect.data.Decimal';
const VARIABLE_DECIMAL = 'io.debezium.data.VariableScaleDecimal';
const NUMBERS_IN_BYTES: ReadonlySet<string> = new Set([DECIMAL, VARIABLE_DECIMAL]);

/** Texts that are no base64 are most ids, and cost no more than this. */
const isBase64 = (text: string): boolean => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);

function idInText(text: string, schema: unknown, field: string): FoundId {
  if (!isFields(schema)) return isEncodedNumber(text) ? encoded(field) : foundId(text, field);
  if (schema['name'] !== DECIMAL) return foundId(text, field);
  return wholeNumber(text, fieldsIn(schema['parameters'])['scale'], field);
}

/** As many bytes as numeric(20) has. A text that is padded so is taken for no id; without the padding the two look alike. */
const NUMBER_BYTES_MAX = 9;

export const isEncodedNumber = (text: string): boolean =>
  text.endsWith('=') && isBase64(text) && Buffer.from(text, 'base64').length <= NUMBER_BYTES_MAX;

const DIGITS_MAX = 100;
const LENGTH_MAX = 64;

function wholeNumber(base64: string, scale: unknown, field: string): FoundId {
  const places = typeof scale === 'string' && /^-?\d{1,3}$/.test(scale) ? Number(scale) : scale;
  const isKnown = typeof places === 'number' && Number.isInteger(places) && Math.abs(places) <= DIGITS_MAX;
  if (!isKnown || base64.length > LENGTH_MAX || base64 === '') return encoded(field);
  const bytes = Buffer.from(base64, 'base64');
  const unscaled = BigInt.asIntN(8 * bytes.length, BigInt(`0x${bytes.toString('hex')}`));
  const unit = 10n ** BigInt(Math.abs(places));
  if (places > 0 && unscaled % unit !== 0n) return fraction(field);
  return { kind: 'id', id: String(places > 0 ? unscaled / unit : unscaled * unit) };
}

const encoded = (field: string): FoundId => ({
  kind: 'bad',
  problem: invalid(
    'schema',
    `${field} holds a number as bytes in base64, and no schema beside it says which: set decimal.handling.mode=string at the ` +
      'connector, or value.converter.schemas.enable=true (for a binary column: binary.handling.mode=hex).',
  ),
});

const fraction = (field: string): FoundId => ({
  kind: 'bad',
  problem: invalid('schema', `${field} holds a fraction, which is no id; name the column that holds the id.`),
});
