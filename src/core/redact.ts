/** Takes secrets out of a text that leaves the process, in every form that texts are known to repeat them in. */
const REDACTED = '[redacted]';

export function redactor(secrets: readonly string[]): (text: string) => string {
  const forms = secrets.flatMap(formsOf);
  // Longest first: one secret may be the beginning of another.
  const known = [...new Set(forms)].filter((form) => form !== '').toSorted((a, b) => b.length - a.length);
  return (text) =>
    known
      .reduce((redacted, form) => redacted.replaceAll(form, REDACTED), text)
      // Tokens that were had at run time, and the credentials they were had with (RFC 6750, RFC 7617).
      .replaceAll(/\b(Bearer|Basic) [\w.~+/=-]+/gi, `$1 ${REDACTED}`);
}

/** As it is, in JSON, in a URL, and in a form; hexadecimal digits may be of either case (RFC 3986 2.1). */
function formsOf(secret: string): readonly string[] {
  // A lone surrogate cannot be written in a URL.
  const inUrl = /\p{Surrogate}/u.test(secret)
    ? []
    : [encodeURIComponent(secret), new URLSearchParams({ '': secret }).toString().slice(1)];
  const inLowerCase = inUrl.map((form) => form.replaceAll(/%../g, (byte) => byte.toLowerCase()));
  return [secret, JSON.stringify(secret).slice(1, -1), ...inUrl, ...inLowerCase];
}
