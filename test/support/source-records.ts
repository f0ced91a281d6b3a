/** Records of a source topic, as the formats' tests write them: texts are bytes as they are, anything else is JSON. */
import type { Delta, FullState, Invalid, SourceRecord } from '../../src/core/change/change.ts';
import { KEYCLOAK_TABLE } from '../../src/formats/debezium/row.ts';
import type { FormatOptions } from '../../src/formats/registry.ts';
import { withoutKeys } from '../../src/formats/scim/token-verifier.ts';

const bytes = (value: unknown): Uint8Array | null =>
  value === null ? null : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

export const aRecord = (
  value: unknown,
  { key = null, headers = {} }: { key?: unknown; headers?: Record<string, string> } = {},
): SourceRecord => ({
  key: bytes(key),
  value: bytes(value),
  headers: Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)] as const),
});

export const defaultOptions: FormatOptions = { debezium: KEYCLOAK_TABLE, mapping: null, verifier: withoutKeys };

type EventHeader = Partial<Pick<Delta, 'eventId' | 'occurredAt'>>;

export const added = (group: string, members: readonly string[], header: EventHeader = {}): Delta => ({
  kind: 'delta',
  group,
  add: members,
  remove: [],
  eventId: null,
  occurredAt: null,
  ...header,
});

export const removed = (group: string, members: readonly string[], header: EventHeader = {}): Delta => ({
  ...added(group, [], header),
  remove: members,
});

export const groupDeleted = (group: string, header: EventHeader = {}): FullState => ({
  kind: 'state',
  group,
  members: [],
  deleted: true,
  eventId: null,
  occurredAt: null,
  ...header,
});

export const invalidWith = (code: string): Partial<Invalid> => ({ kind: 'invalid', code });
