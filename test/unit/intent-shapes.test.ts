/** There may be 200,000 pending changes: of those that are made in one way, each has the hidden class of the others. */
import v8 from 'node:v8';
import vm from 'node:vm';
import { expect, test } from 'vitest';
import type { Intent } from '../../src/core/change/change.ts';
import { intentFor, withFields, withoutSchedule } from '../../src/core/change/pending.ts';
import { intentOf, wireIntent, wireOf } from '../../src/core/log/wire-intent.ts';

v8.setFlagsFromString('--allow-natives-syntax');
const haveSameClass = vm.runInThisContext('(a, b) => %HaveSameMap(a, b)') as (a: object, b: object) => boolean;

const fresh = (offset: bigint): Intent => {
  const source = { topic: 'source', partition: 0, offset, index: null, eventId: null, timestamp: 1 };
  return intentFor({ group: 'G', source, seenAt: 1 }, 'add', `m${offset}`);
};
const parked = (intent: Intent): Intent =>
  withFields(withoutSchedule(intent), { attempt: 1, notBefore: 9, waits: 'member', schedule: 'slow' });
const restored = (intent: Intent): Intent => intentOf(intent.group, wireIntent.parse(wireOf(intent, null)));

test.each([
  ['in another spelling', fresh],
  ['parked', (offset: bigint) => parked(fresh(offset))],
  ['parked again', (offset: bigint) => parked(parked(fresh(offset)))],
  ['restored', (offset: bigint) => restored(fresh(offset))],
  ['parked and restored', (offset: bigint) => restored(parked(fresh(offset)))],
])('pending changes share one hidden class: %s', (_, make) => {
  const intents = Array.from({ length: 100 }, (_one, i) => make(BigInt(i)));
  // V8 settles on a class within the first dozen.
  const last = make(100n);
  expect(intents.filter((intent) => haveSameClass(intent, last)).length).toBeGreaterThan(80);
  expect(intents.filter(({ source }) => haveSameClass(source, last.source)).length).toBeGreaterThan(80);
});
