/** The format of a topic that is re-keyed. */
import type { SourceFormat } from '../core/change.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import { auth0 } from '../formats/auth0.ts';
import { entra } from '../formats/entra.ts';
import { google } from '../formats/google.ts';
import { native } from '../formats/native.ts';
import { okta } from '../formats/okta.ts';

const formats: readonly SourceFormat[] = [native, okta, entra, google, auth0];

/** @throws ExitError where there is no such format. */
export function ingestFormat(name: string): SourceFormat {
  const format = formats.find((format) => format.name === name);
  if (format !== undefined) return format;
  const known = formats.map((format) => format.name).join(', ');
  throw new ExitError(EXIT.configuration, `INGEST_FROM_FORMAT: there is no format ${name}; known are ${known}`);
}
