// The filters of RFC 7644 section 3.4.2.2 that the vendor documents: `attribute eq value`, values quoted as JSON strings.
// Lists also take the unquoted form of the vendor's own example, `id eq 5f4bc742-…`.

export type Equality = Readonly<{ attribute: string; value: string }>;

/** `attribute eq value` of a list; null where it is anything else. The attribute comes back in lower case. */
export function parseListFilter(text: string): Equality | null {
  const match = /^\s*([A-Za-z][\w.:-]*)\s+eq\s+(.+?)\s*$/is.exec(text);
  const attribute = match?.[1];
  const raw = match?.[2];
  if (attribute === undefined || raw === undefined) return null;
  const value = raw.startsWith('"') ? parseJsonString(raw) : raw;
  return value === null ? null : { attribute: attribute.toLowerCase(), value };
}

/** The values of `value eq "a"` or `value eq "a" or value eq "b"`; null where it is anything else. */
export function parseMemberFilter(text: string): readonly string[] | null {
  const term = /\s*value\s+eq\s+("(?:[^"\\]|\\.)*")\s*(or\b|$)/isy;
  const values: string[] = [];
  while (term.lastIndex < text.length) {
    const match = term.exec(text);
    const value = match?.[1] === undefined ? null : parseJsonString(match[1]);
    if (match === null || value === null) return null;
    values.push(value);
    if (match[2] === '') return values;
  }
  return null;
}

function parseJsonString(text: string): string | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : null;
  } catch {
    return null;
  }
}
