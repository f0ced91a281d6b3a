/** Looks for secrets in what has left the process; shares no code with what takes them out. */

/** By what they are called in a failing test. */
export type Secrets = Readonly<Record<string, string>>;

/** The names of the secrets that stand in the text, in whatever form; the beginning of one is too much already. */
export function leaksIn(text: string, secrets: Secrets): readonly string[] {
  const plain = text.toLowerCase();
  return Object.entries(secrets).flatMap(([name, secret]) => {
    if (secret.length < TELLING_LENGTH) throw new RangeError(`${name} is too short to be looked for`);
    const found = formsOf(secret).find(([, form]) => plain.includes(form.slice(0, TELLING_LENGTH).toLowerCase()));
    return found === undefined ? [] : [`${name} (${found[0]})`];
  });
}

/** Texts are cut: so many characters of a secret give it away. */
const TELLING_LENGTH = 12;

const formsOf = (secret: string): readonly (readonly [form: string, text: string])[] => [
  ['plain', secret],
  ['in JSON', JSON.stringify(secret).slice(1, -1)],
  ['in JSON in JSON', JSON.stringify(JSON.stringify(secret).slice(1, -1)).slice(1, -1)],
  ['in a URL', encodeURIComponent(secret)],
  ['in a form', new URLSearchParams([['', secret]]).toString().slice(1)],
  ['in Base64', Buffer.from(secret).toString('base64')],
  ['in hexadecimal digits', Buffer.from(secret).toString('hex')],
];

/** What HTTP Basic makes of a client and its secret. */
export const basicOf = (clientId: string, clientSecret: string): string =>
  Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
