/** Who made a change, by the samples of each format that says it. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { actorsIn } from '../../src/formats/actor.ts';

interface Sample {
  readonly record: { readonly value: unknown };
}

function sampleOf(name: string): unknown {
  const sample = JSON.parse(
    readFileSync(new URL(`../support/samples/${name}.json`, import.meta.url), 'utf8'),
  ) as Sample;
  return sample.record.value;
}

const actorOf = (value: Uint8Array | null, eventId: string | null, eventCount = 1): string | null =>
  actorsIn(value, eventCount)(eventId);
const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

test.each([
  ['okta-01-event-hook-add', 'jane.doe@latwerk.com'],
  ['okta-03-systemlog-raw-remove', 'jane.doe@latwerk.com'],
  ['entra-06-audit-docs', 'bob@wingtiptoysonline.com'],
  ['keycloak-01-admin-event-create-real', '642713ca-8fbe-4fe1-aa33-1c2e95efa10f'],
  ['google-01-groups-enterprise-add-member', 'admin@example.com'],
  ['google-02-cloud-audit-add-group-member', 'admin@example.com'],
  ['debezium-01-create-schemaless', null],
])('%s: %s', (name, actor) => {
  expect(actorOf(bytes(sampleOf(name)), null)).toBe(actor);
});

const event = (uuid: string, actor: string): object => ({ uuid, actor: { alternateId: actor } });
const hook = { data: { events: [event('one', 'ann'), event('two', 'ben')] } };

test('of several events the one that is asked for says it', () => {
  expect(actorOf(bytes(hook), 'two', 2)).toBe('ben');
});

test('where the events of a record have several actors, and none is known, nobody is named', () => {
  expect(actorOf(bytes(hook), null, 2)).toBeNull();
  const half = { data: { events: [event('one', 'ann'), { uuid: 'two' }] } };
  expect(actorOf(bytes(half), 'two', 2)).toBeNull();
});

test.each([
  ['hr@example.com', 'hr@example.com'],
  [{ email: 'hr@example.com' }, 'hr@example.com'],
  [{ displayName: 'HR' }, 'HR'],
  ['', null],
  [7, null],
])('of a native record: %j', (actor, expected) => {
  for (const field of ['group_id', 'genesys_group_id'])
    expect(actorOf(bytes({ [field]: 'g', add_members: ['u'], event_id: 'e', actor }), 'e')).toBe(expected);
});

test.each([[null], [Buffer.from('{"actor":')], [Buffer.from('"actor"')], [Buffer.from('{"actor":"ann"}')]])(
  'what says nothing of an actor',
  (value) => {
    expect(actorOf(value, 'one')).toBeNull();
  },
);
