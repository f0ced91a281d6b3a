/** Unreadable source records, each broken in a way of its own. */
import type { Headers } from '../../src/ports.ts';

export interface BrokenRecord {
  readonly key: Uint8Array | string | null;
  readonly value: Uint8Array;
  readonly headers: Headers;
}

export function brokenRecords(group: string): readonly BrokenRecord[] {
  const whole = JSON.stringify({ group_id: group, add_members: ['never'], event_id: 'e' });
  const values = [
    // Cut off anywhere.
    ...Array.from({ length: whole.length }, (_, length) => bytes(whole.slice(0, length))),
    ...[0x80, 0xc0, 0xe2, 0xf5, 0xff].map((byte) => Buffer.concat([bytes(whole), Buffer.from([byte])])),
    ...['null', '5', 'true', '"text"', '[]', '{}', 'NaN', `[${whole}]`, `${whole}${whole}`].map(bytes),
    ...controls.map((control) => json({ group_id: group, add_members: [`never${control}`] })),
    ...wrongFields.flatMap(([field, wrong]) => wrong.map((value) => json({ group_id: group, [field]: value }))),
    json({ group_id: group, genesys_group_id: `${group}'`, add_members: ['never'] }),
    json({ group_id: group, add_members: ['never'], added: [] }),
    json({ group_id: group, remove_members: [], removed: ['never'] }),
    ...['complete', 'members', 'deleted'].map((field) => json({ group_id: group, [field]: null })),
  ];
  const mismatched = ['', 'another', `${group} `, group.toUpperCase(), null].map((key) => ({
    key,
    value: bytes(whole),
  }));
  const all = [...values.map((value) => ({ key: group, value })), ...mismatched];
  return all.map((record, i) => ({ ...record, headers: ownHeaders(i) }));
}

const bytes = (text: string): Buffer => Buffer.from(text);
const json = (value: unknown): Buffer => bytes(JSON.stringify(value));

/** C0, DEL and C1. */
const controls = [...range(0x00, 0x1f), ...range(0x7f, 0x9f)].map((code) => String.fromCharCode(code));

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

const wrongIds = [null, 5, true, {}, [], '', '\uD800', 'x'.repeat(257)];
const wrongLists = [null, 5, true, {}, 'a', [null], [5], [''], [['a']], ['a', {}], ['\uDFFF'], ['x'.repeat(257)]];
const wrongFields: readonly (readonly [string, readonly unknown[]])[] = [
  ['group_id', wrongIds],
  ['add_members', wrongLists],
  ['added', wrongLists],
  ['remove_members', wrongLists],
  ['removed', wrongLists],
  ['event_id', [5, true, {}, [], 'x'.repeat(257)]],
  ['occurred_at', [5, true, {}, [], '', 'yesterday', '2026-02-30T00:00:00Z', '2026-01-31']],
];

/** Whatever the producer put there; what looks like ours is no header of its own. */
const ownHeaders = (i: number): Headers => [
  ['trace', bytes(`trace-${i}`)],
  ['binary', Buffer.from([0xff, 0x00, i & 0xff])],
  ['empty', bytes('')],
  ['repeated', bytes('first')],
  ['repeated', bytes('second')],
  ['rollcall-reason', bytes('forged')],
];
