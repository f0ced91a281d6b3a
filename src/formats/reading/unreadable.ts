/**
 * Why a value is no JSON, and what to change: most are JSON in something else (a compression, an encoding, a serializer's
 * envelope, a text of it), or a part of JSON. Looked for only where the value could not be read; pure and total.
 */
interface Sign {
  readonly bytes: readonly number[];
  readonly what: string;
}

const UNCOMPRESSED =
  "Kafka's own compression (the producer's compression.type) is undone by the client, so the value itself was compressed: let the " +
  'producer write it as it is.';

const COMPRESSED: readonly Sign[] = [
  { bytes: [0x1f, 0x8b], what: 'gzip' },
  { bytes: [0x28, 0xb5, 0x2f, 0xfd], what: 'zstd' },
  { bytes: [0x04, 0x22, 0x4d, 0x18], what: 'LZ4' },
  { bytes: [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59], what: 'Snappy' },
  { bytes: [0xff, 0x06, 0x00, 0x00, 0x73, 0x4e, 0x61, 0x50], what: 'Snappy' },
  { bytes: [0x42, 0x5a, 0x68], what: 'bzip2' },
  { bytes: [0x50, 0x4b, 0x03, 0x04], what: 'ZIP' },
  { bytes: [0x78, 0x01], what: 'zlib' },
  { bytes: [0x78, 0x9c], what: 'zlib' },
  { bytes: [0x78, 0xda], what: 'zlib' },
];

const TO_JSON =
  'let the producer write JSON (Kafka Connect: value.converter=org.apache.kafka.connect.json.JsonConverter with ' +
  'value.converter.schemas.enable=false).';

const SERIALIZED: readonly Sign[] = [
  { bytes: [0x4f, 0x62, 0x6a, 0x01], what: 'an Avro file' },
  { bytes: [0xac, 0xed, 0x00, 0x05], what: 'an object of Java serialization' },
];

const starts = (value: Uint8Array, { bytes }: Sign): boolean => bytes.every((byte, at) => value[at] === byte);

const UTF_16 =
  'let the producer write UTF-8 (PowerShell: -Encoding utf8; .NET: Encoding.UTF8; Logstash: codec charset).';

/** Of bytes, whether or not they are UTF-8; null: they look like a text. */
export function causeOfBytes(value: Uint8Array): string | null {
  const compression = COMPRESSED.find((sign) => starts(value, sign));
  if (compression !== undefined) return `it is compressed with ${compression.what}. ${UNCOMPRESSED}`;
  const [first, second] = value;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    return `it is UTF-16 (it begins with its byte order mark): ${UTF_16}`;
  if (hasZeroEveryOther(value)) return `it is UTF-16 (every other byte is 0): ${UTF_16}`;
  // One byte of zero and the schema's id in four: https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/
  if (first === 0 && value.length > WIRE_HEADER_LENGTH)
    return `it begins as a serializer of a Schema Registry writes (a byte of 0, then the id of a schema): ${TO_JSON}`;
  const serialized = SERIALIZED.find((sign) => starts(value, sign));
  return serialized === undefined ? null : `it is ${serialized.what}: ${TO_JSON}`;
}

const WIRE_HEADER_LENGTH = 5;
const LOOKED_AT = 16;

/** As UTF-16 writes ASCII, in either order. */
function hasZeroEveryOther(value: Uint8Array): boolean {
  if (value.length < 4) return false;
  const head = [...value.subarray(0, LOOKED_AT)];
  const zeros = (parity: number): boolean => head.every((byte, at) => at % 2 !== parity || byte === 0);
  const letters = (parity: number): boolean => head.every((byte, at) => at % 2 !== parity || byte >= 0x09);
  return (zeros(0) && letters(1)) || (zeros(1) && letters(0));
}

const ONE_A_RECORD = 'write each document as a record of its own';

/** Of a text that JSON.parse refuses; null: none is known. */
export function causeOfText(text: string): string | null {
  const trimmed = text.trim();
  if (trimmed === '') return 'it is empty: a tombstone has no value at all (null), and everything else has one.';
  const spelled = SPELLINGS.find(({ pattern }) => pattern.test(trimmed.slice(0, SPELLING_LENGTH)));
  if (spelled !== undefined) return spelled.cause;
  if (isPartOfPretty(trimmed))
    return 'it is one line of a document that is written over several lines, and the producer makes a record of each line: write each document in one line (jq -c; kafka-console-producer and Filebeat read line by line, so join the lines with their multiline settings).';
  const end = endOfFirst(trimmed);
  if (end === null) return OPENING.test(trimmed) ? `it ends before its end: it was cut off. ${CUT}` : null;
  const rest = trimmed.slice(end).trim();
  if (rest === '' || !isJson(trimmed.slice(0, end))) return null;
  if (OPENING.test(rest)) return `it holds several JSON documents (NDJSON, or one behind the other): ${ONE_A_RECORD}.`;
  return `something stands behind the JSON document (${JSON.stringify(rest.slice(0, REST_LENGTH))}): ${ONE_A_RECORD}, and nothing else.`;
}

const CUT =
  'Look for a limit on the way (a log line, a column, a buffer), and let the producer write the document whole.';
const REST_LENGTH = 30;
const OPENING = /^[{[]/;
const SPELLING_LENGTH = 200;

interface Spelling {
  readonly pattern: RegExp;
  readonly cause: string;
}

const SPELLINGS: readonly Spelling[] = [
  {
    pattern: /^\[object /,
    cause: 'a JavaScript object was turned to a text without JSON: send JSON.stringify(event).',
  },
  {
    pattern: /^Struct\{/,
    cause:
      'it is the text of a Kafka Connect Struct, as StringConverter writes it: set value.converter=org.apache.kafka.connect.json.JsonConverter.',
  },
  {
    pattern: /^\{\s*'|^\[\s*\{\s*'|^\{.*: (?:None|True|False)\b/,
    cause: 'it is the text of a Python dict: send json.dumps(event).',
  },
  {
    pattern: /^\{\s*"[^"]*"\s*=>/,
    cause: 'it is the text of a Ruby hash: send event.to_json.',
  },
  {
    pattern: /^\{\s*[A-Za-z_][\w.]*\s*=|^[A-Za-z_]\w*[({][A-Za-z_]\w*=/,
    cause: 'it is the text of a Java object or map (toString): send the object through a JSON serializer.',
  },
  { pattern: /^<[?!A-Za-z]/, cause: 'it is XML or HTML: send JSON.' },
  {
    pattern: /^(?:H4sI|eyJ|W3si|ey[A-Za-z0-9])[\w+/=-]{12,}$/,
    cause:
      'it is base64: send the JSON itself, not its encoding (Kafka Connect: JsonConverter instead of ByteArrayConverter behind a text; Node: the Buffer, not buffer.toString("base64")).',
  },
  {
    pattern: /^%7B|^[\w.-]+=(?:%7B|\{)/i,
    cause: 'it is the body of a form: send the JSON alone, with the content type application/json.',
  },
  {
    pattern: /^\{\\"|^\{\\\\"/,
    cause:
      'its quotation marks are escaped, as within a text: it was serialized twice and its outer quotation marks were lost; send it serialized once.',
  },
];

/** V8 throws where such an expression looks at a text of tens of millions of characters; no line is that long. */
const LINE_LENGTH_MAX = 1_000_000;

/** `{`, `},`, `"group_id": "g",`: what lines of a pretty-printed document are. */
const isPartOfPretty = (line: string): boolean =>
  line.length <= LINE_LENGTH_MAX &&
  !line.includes('\n') &&
  (/^[{}[\]]+,?$/.test(line) || /^"(?:[^"\\]|\\.)*"\s*:\s*.*$/.test(line) || /^"(?:[^"\\]|\\.)*",$/.test(line));

/** Behind the first document: where its brackets are closed; null: they are not, or there are none. */
function endOfFirst(text: string): number | null {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') {
      at = endOfString(text, at);
      if (at === -1) return null;
    } else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') depth -= 1;
    if (depth === 0) return at + 1;
  }
  return null;
}

/** Where the closing quotation mark stands; -1: nowhere. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return at;
  }
  return -1;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
