/** Records and expected events for the tests of formats. */
import type { Decoded, SourceFormat, SourceRecord } from '../../src/core/change/change.ts';
import { formatNames, type FormatName } from '../../src/formats/registry.ts';

export const aRecord = (value: unknown): SourceRecord => ({
  key: null,
  value: Buffer.from(JSON.stringify(value)),
  headers: [],
});

export const aTextRecord = (text: string): SourceRecord => ({ key: null, value: Buffer.from(text), headers: [] });

export const decodeWith =
  (format: SourceFormat) =>
  (value: unknown): Decoded =>
    format.decode(aRecord(value), { partitionCount: 3 });

export const aDelta = (parts: object) => ({
  kind: 'delta',
  eventId: null,
  occurredAt: null,
  add: [],
  remove: [],
  ...parts,
});

export const aState = (parts: object) => ({
  kind: 'state',
  eventId: null,
  occurredAt: null,
  members: [],
  deleted: false,
  ...parts,
});

export const aSkip = (reason: string) => ({ kind: 'skip', reason });

/** Of a file in `samples`, which begins with it. */
export function formatOfSample(file: string): FormatName {
  const name = file.startsWith('scim-set-') ? 'scim-events' : formatNames.find((one) => file.startsWith(`${one}-`));
  if (name === undefined) throw new Error(`test/support/samples/${file} begins with the name of no format`);
  return name;
}
