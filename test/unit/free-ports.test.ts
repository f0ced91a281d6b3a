import { expect, test } from 'vitest';
import { freePorts } from '../../src/lab/kafka-broker/java-process.ts';

/** Half of all ports. The system prefers odd ones, so these are neither the odd nor the even ones. */
const isChosen = (port: number): boolean => port % 4 < 2;

test('free ports: a port that was chosen before is not offered', async () => {
  const chosen = Array.from({ length: 65_536 }, (_, port) => port).filter(isChosen);
  const ports = await freePorts(50, chosen);
  expect(new Set(ports).size).toBe(50);
  expect(ports.filter(isChosen)).toEqual([]);
});
