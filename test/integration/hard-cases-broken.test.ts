/** Unreadable records among good ones. */
import { expect, test } from 'vitest';
import type { Headers } from '../../src/ports.ts';
import { brokenRecords } from '../support/broken-records.ts';
import { describeKafka } from '../support/broker.ts';
import { openKafkaHarness } from '../support/kafka-harness.ts';

describeKafka('broken records', ({ brokers }) => {
  test('of 200 kinds among good ones become dead letters, exact to the byte, and the good ones land', async () => {
    // given
    const harness = await openKafkaHarness(brokers);
    for (const group of ['g0', 'g1', 'g2']) harness.group(group, ['stays']);
    const broken = brokenRecords('g1');
    expect(broken.length).toBeGreaterThanOrEqual(200);
    // when
    harness.inside();
    await harness.sendRaw(
      broken.flatMap((record, i) => {
        const good = { group_id: `g${i % 3}`, add_members: [`user-${i}`] };
        return [{ key: good.group_id, value: JSON.stringify(good), headers: [] }, record];
      }),
    );
    // then
    await harness.settled();
    await harness.until('all dead letters', () => harness.deadLetters.length >= broken.length);
    const letters = new Map(harness.deadLetters.map((letter) => [textOf(letter.headers, 'trace'), letter]));
    const ids = new Set<string>();
    for (const { value, headers } of broken) {
      const letter = letters.get(textOf(headers, 'trace'));
      const all = letter?.headers ?? [];
      expect(letter?.value).toEqual(value);
      expect(all.filter(([name]) => !isOurs(name))).toEqual(headers.filter(([name]) => !isOurs(name)));
      expect(textOf(all, 'rollcall-reason')).toBe('invalid');
      expect(Buffer.from(letter?.key ?? []).toString()).toBe('g1');
      const [topic, partition, offset] = ['topic', 'partition', 'offset'].map((name) =>
        textOf(all, `rollcall-original-${name}`),
      );
      ids.add(`${topic}/${partition}/${offset}`);
      const report = harness.operations.get(`${topic}/${partition}/${offset}`);
      expect(report).toMatchObject({ outcome: 'invalid', member: null });
      expect(report?.reason?.code).toBe(textOf(all, 'rollcall-error-code'));
    }
    expect(ids.size).toBe(broken.length);
    expect(harness.deadLetters).toHaveLength(broken.length);
  });
});

const isOurs = (name: string): boolean => name.startsWith('rollcall-');

const textOf = (headers: Headers, name: string): string | undefined => {
  const values = headers.filter(([other]) => other === name).map(([, value]) => Buffer.from(value).toString());
  return values.length === 1 ? values[0] : undefined;
};
