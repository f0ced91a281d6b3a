/** Times of options, and of events: only what is there is taken, and it does not depend on the machine. */
import { Command } from 'commander';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { instant, refuseEmptyValues } from '../../src/console/command-context.ts';
import { instantIn } from '../../src/core/text/instant.ts';
import { eventTime } from '../../src/ingest/topic/reorder.ts';

const zone = process.env['TZ'];
beforeEach(() => {
  process.env['TZ'] = 'America/New_York';
});
afterEach(() => {
  if (zone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = zone;
});

test.each([
  ['2026-09-21T14:13:20Z', '2026-09-21T14:13:20.000Z'],
  ['2026-09-21t14:13:20.123456z', '2026-09-21T14:13:20.123Z'],
  ['2026-09-21 14:13Z', '2026-09-21T14:13:00.000Z'],
  ['2026-09-21T16:13:20+02:00', '2026-09-21T14:13:20.000Z'],
  ['2026-09-21T09:13:20.5-0500', '2026-09-21T14:13:20.500Z'],
  ['2026-09-21', '2026-09-21T00:00:00.000Z'],
  ['2028-02-29', '2028-02-29T00:00:00.000Z'],
  ['1970-01-01', '1970-01-01T00:00:00.000Z'],
])('time: %s is %s', (text, expected) => {
  expect(new Date(instant(text)).toISOString()).toBe(expected);
});

const NONE = [
  '2026-02-30',
  '2026-02-29T00:00:00Z',
  '2100-02-29',
  '2026-04-31T00:00:00Z',
  '2026-13-01',
  '2026-00-10',
  '2026-01-00',
  '2026-12-01T24:00:00Z',
  '2026-12-01T23:60:00Z',
  '2026-12-01T23:59:60Z',
  '2026-12-01T00:00:00+24:00',
  '2026-12-01T00:00:00',
  '2026-12-01T00:00',
  '2026-12',
  '2026',
  '+012026-01-01',
  'yesterday',
  '1789999999999',
  'Mon, 21 Sep 2026 14:13:20 GMT',
  ' 2026-12-01',
  '',
];

test.each(NONE)('time: %j is refused', (text) => {
  expect(instantIn(text)).toBeNull();
  expect(() => instant(text)).toThrow(/^Give a time that exists/);
});

test('time: before 1970 none can be asked for', () => {
  expect(() => instant('1969-12-31T23:59:59Z')).toThrow(/^Give a time that exists/);
});

test('reorder window: an event with a date that is not there does not say when it happened', () => {
  const timestamp = Date.parse('2026-03-05T00:00:00Z');
  expect(eventTime('2026-02-30T00:00:00Z', timestamp).isCertain).toBe(false);
  expect(eventTime('2026-02-28T00:00:00Z', timestamp).isCertain).toBe(true);
});

test.each(['', ' ', '\t'])('option: the value %j is refused, whatever reads it', (value) => {
  for (const flag of ['--group', '--plain', '--perhaps']) {
    const command = new Command('c')
      .option('--group <id>', '', (text: string) => [text])
      .option('--plain <text>')
      .option('--perhaps [text]')
      .option('--flag')
      .exitOverride()
      .configureOutput({ writeErr: () => undefined });
    refuseEmptyValues(command);
    expect(() => command.parse([flag, value], { from: 'user' })).toThrow(/it is empty, as where a variable/);
  }
});

test('option: other values are read as before', () => {
  const command = new Command('c')
    .option('--group <id>', '', (text: string, former?: readonly string[]) => [...(former ?? []), text])
    .option('--plain <text>')
    .option('--flag');
  refuseEmptyValues(command);
  command.parse(['--group', 'a', '--group', 'b', '--plain', 'x', '--flag'], { from: 'user' });
  expect(command.opts()).toEqual({ group: ['a', 'b'], plain: 'x', flag: true });
});
