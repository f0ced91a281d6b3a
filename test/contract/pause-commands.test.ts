/** `rollcall pause`, `resume`, `apply-now` and `retry-now`, carried out by running instances: what they print, and how they end. */
import { expect, test } from 'vitest';
import { pause } from '../../src/commands/pause.ts';
import { retryParked } from '../../src/commands/retry-now.ts';
import { authorOf } from '../../src/console/author.ts';
import { askEachPartition, groupIn, reasonIn } from '../../src/console/pauses.ts';
import { pauseValue, requestKey, type ApplyNowRequest, type PauseRequest } from '../../src/core/log/request-record.ts';
import { textHeader } from '../../src/core/log/wire-intent.ts';
import { EXIT } from '../../src/exit-codes.ts';
import type { LogRecord } from '../../src/ports.ts';
import { aContext } from '../support/command-context.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { failing } from '../support/retry-records.ts';
import { retryOf } from '../support/retry-topic-of.ts';
import { aWorld, topics, until, type World } from '../support/world.ts';

type Pause = Extract<PauseRequest, { readonly kind: 'pause' }>;

const aPause = (group: string | null = null): Pause => ({ kind: 'pause', group, author: 'jane', reason: 'INC-7' });
const aResume = (group: string | null = null): PauseRequest => ({
  kind: 'resume',
  group,
  author: 'jane',
  reason: null,
});
const anApplyNow = (group: string): ApplyNowRequest => ({ kind: 'apply_now', group, author: 'jane' });

async function asked(world: World, wanted: PauseRequest | ApplyNowRequest, flags: { readonly json?: true } = {}) {
  const { context, retry } = retryOf(world);
  const code = await (wanted.kind === 'pause' ? pause(retry, wanted, flags) : askEachPartition(retry, wanted, flags));
  return { code, out: context.out(), err: context.err() };
}

test('pause and resume: all partitions in one line, and what is waiting goes on', async () => {
  const world = await aWorld({ partitionCount: 3 });
  const one = await world.start();
  expect(await asked(world, aPause())).toEqual({
    code: EXIT.done,
    out: 'paused on all 3 partitions: 0 changes to wait\n',
    err: 'nothing is sent from now on, until rollcall resume; changes are read and recorded meanwhile\n',
  });
  world.change('g', { add: ['a', 'b'] });
  await until(() => one.pipeline.stats().paused.changes === 2, 'the change is read');
  expect(await asked(world, aPause())).toMatchObject({
    code: EXIT.done,
    out: 'already paused on all 3 partitions: 2 changes waiting; who has paused it first stays its author\n',
  });
  expect(await asked(world, anApplyNow('g'))).toMatchObject({
    code: EXIT.someFailed,
    out: expect.stringMatching(/^group g: is paused on partition \d, so that nothing is sent: 2 changes waiting/),
  });
  expect(world.sandbox.members('g')).toEqual([]);
  expect(await asked(world, aResume())).toMatchObject({
    code: EXIT.done,
    out: 'resumed on all 3 partitions: 2 changes to go on\n',
  });
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(['a', 'b']);
  expect(await asked(world, aResume())).toMatchObject({ code: EXIT.done, out: 'was not paused on all 3 partitions\n' });
  expect(await asked(world, anApplyNow('g'))).toMatchObject({
    code: EXIT.someFailed,
    out: 'group g: nothing of it waits on all 3 partitions\n',
  });
});

test('resume: of a group that was paused by another name, or with all the others, nothing is said to go on', async () => {
  const world = await aWorld();
  await world.start();
  await asked(world, aPause('g'));
  expect(await asked(world, aResume('G-1'))).toEqual({
    code: EXIT.someFailed,
    out: 'group G-1: was not paused on all 1 partitions\n',
    err: 'a group is resumed by the name that it was paused by; rollcall status lists what is paused\n',
  });
  expect(await asked(world, aPause())).toMatchObject({ code: EXIT.done });
  world.change('g', { add: ['a'] });
  await until(() => world.lastState('g') !== null, 'its record');
  expect(await asked(world, aResume('g'))).toEqual({
    code: EXIT.done,
    out: 'group g: its pause has ended on all 1 partitions, and another pause keeps it there: 1 change waiting; rollcall status lists what is paused\n',
    err: '',
  });
  expect(await asked(world, aResume('g'))).toMatchObject({
    code: EXIT.someFailed,
    out: expect.stringMatching(
      /^group g: was not paused by this name on all 1 partitions, and is paused there by another pause: 1 change waiting/,
    ),
  });
  expect(await asked(world, aResume())).toMatchObject({
    code: EXIT.done,
    err: 'groups that were paused by name stay paused; rollcall status lists them\n',
  });
});

test('resume: where its pause had ended on one partition before, and all is paused, it has ended', async () => {
  const world = await aWorld({ partitionCount: 2 });
  await world.start();
  await asked(world, aPause());
  const headers = [textHeader('rollcall-type', 'pause')];
  const key = requestKey('one');
  world.broker.append([{ topic: topics.retry, partition: 0, key, value: pauseValue(aPause('g')), headers }]);
  const isAnswer = ({ key: of, value }: LogRecord): boolean => String(Buffer.from(of ?? [])) === key && value === null;
  await until(() => world.records(topics.retry).some(isAnswer), 'its answer');
  const { code, out, err } = await asked(world, aResume('g'));
  expect({ code, err }).toEqual({ code: EXIT.done, err: '' });
  expect(out).toContain('its pause has ended on partition 0');
  expect(out).toContain('was not paused by this name on partition 1');
});

test('pause: an owner that does not understand it is named, and it is no success', async () => {
  const world = await aWorld({ partitionCount: 2 });
  await world.start();
  const tooLong = { ...aPause(), reason: 'x'.repeat(300) };
  expect(await asked(world, tooLong)).toMatchObject({
    code: EXIT.someFailed,
    out: '',
    err: expect.stringContaining('not understood on partitions 0, 1: the owner there is of another version'),
  });
});

test('retry-now: what is paused is not said to be tried', async () => {
  const world = await aWorld();
  const one = await world.start();
  await asked(world, aPause('g'));
  world.change('g', { add: ['u'] });
  await until(() => (world.lastState('g')?.intents.length ?? 0) === 1, 'its record');
  const { context, retry } = retryOf(world);
  expect(await retryParked({ ...retry, flags: {} })).toBe(EXIT.someFailed);
  expect(context.out()).toMatch(/^is_paused +u +group g/);
  expect(context.err()).toContain('what is paused starts again with its first try after `rollcall resume`, not before');
  await asked(world, aResume('g'));
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(['u']);
});

test('pause: of a group of which nothing waits it says that the id may be misspelt', async () => {
  const world = await aWorld();
  const one = await world.start();
  const paused = await asked(world, aPause('doesnotexist'));
  expect(paused).toMatchObject({ code: EXIT.done, out: expect.stringContaining('0 changes to wait') });
  expect(paused.err).toContain('warning: nothing of group doesnotexist waits to be sent. A misspelt id pauses nothing');
  expect((await asked(world, aPause('doesnotexist'))).err).not.toContain('warning');
  await asked(world, aPause());
  world.change('g', { add: ['a'] });
  await until(() => one.pipeline.stats().paused.changes === 1, 'the change is read');
  expect((await asked(world, aPause('g'))).err).not.toContain('warning');
  expect((await asked(world, aPause('g'))).err).not.toContain('warning');
});

test('pause --json: a line for each partition', async () => {
  const world = await aWorld({ partitionCount: 2 });
  await world.start();
  const { out } = await asked(world, aPause('g'), { json: true });
  const lines = out.trim().split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(
    expect.arrayContaining([0, 1].map((partition) => ({ partition, group: 'g', result: 'paused', count: 0 }))),
  );
});

test('pause: where an owner does not answer, what the others say is printed, and which partition is missing', async () => {
  const world = await aWorld({ partitionCount: 2 });
  const clock = new ManualClock();
  const { context, retry } = retryOf(world);
  const asking = askEachPartition({ ...retry, context: { ...context, clock } }, aPause(), {}).catch(
    (error: unknown) => error,
  );
  await until(() => world.records(topics.retry).length > 0, 'the requests');
  await clock.advance(60_000);
  expect(await asking).toMatchObject({
    code: EXIT.unavailable,
    message: expect.stringMatching(/2 of 2 requests were not answered within 10 s \(partitions 0, 1\); they stay/),
  });
  expect(context.out()).toBe('');
  // and an instance that starts later carries it out
  const one = await world.start();
  await until(() => one.pipeline.stats().paused.partitions.length === 2, 'the pause');
});

test('retry-now: what waits for another try is tried, what was given up is not', async () => {
  const world = await aWorld();
  const repair = failing(world);
  const retry = { baseMs: 3_600_000, capMs: 3_600_000, attemptsMax: 5, slowScheduleMs: [3_600_000] };
  const one = await world.start({ pipeline: { retry, breakerFailures: 1_000 } });
  world.change('g', { add: ['u'] });
  await until(() => one.pipeline.stats().parked === 1, 'it waits');
  await until(() => (world.lastState('g')?.intents.length ?? 0) === 1, 'its record');
  repair();
  const nothing = retryOf(world);
  expect(await retryParked({ ...nothing.retry, flags: { group: ['h'] } })).toBe(EXIT.done);
  expect(nothing.context.err()).toBe('nothing waits for another try that fits\n');
  const { context, retry: asking } = retryOf(world);
  expect(await retryParked({ ...asking, flags: {} })).toBe(EXIT.done);
  expect(context.out()).toMatch(/^woken +u +group g/);
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(['u']);
});

test.each([
  ['a reason of two lines', () => reasonIn('pause', 'a\nb')],
  ['no reason', () => reasonIn('pause', '')],
  ['a reason that is too long', () => reasonIn('pause', 'x'.repeat(201))],
  ['a group that can be none', () => groupIn('pause', '')],
  ['a group that a path cannot name', () => groupIn('pause', '..')],
])('pause: %s is refused before anything is asked for', (_, read) => {
  expect(read).toThrow(expect.objectContaining({ code: EXIT.usage }));
});

test('pause: what is refused as a group is refused for a rule that it breaks', () => {
  const rule =
    'pause: --group "." can be no id; an id has 1 to 256 characters, no control character, and is neither `.` nor `..`';
  expect(() => groupIn('pause', '.')).toThrow(rule);
  expect(() => authorOf('pause', '.', aContext())).toThrow('and neither `.` nor `..`');
});

test('resume: a group stays paused where all is, also one of which nothing is pending', async () => {
  const world = await aWorld({ partitionCount: 2 });
  const one = await world.start();
  await asked(world, aPause());
  await asked(world, aPause('g'));
  expect(await asked(world, aResume('g'))).toMatchObject({
    code: EXIT.done,
    out: expect.stringMatching(
      /^group g: its pause has ended on all 2 partitions, and another pause keeps it there: 0 /,
    ),
  });
  world.change('g', { add: ['a', 'b'] });
  await until(() => one.pipeline.stats().paused.changes === 2, 'the change is read');
  expect(await asked(world, aResume('g'))).toMatchObject({
    code: EXIT.someFailed,
    out: expect.stringContaining('is paused there by another pause: 2 changes waiting'),
  });
  expect(world.sandbox.members('g')).toEqual([]);
  await asked(world, aResume());
  await world.expectRest(one);
  expect(world.sandbox.members('g').toSorted()).toEqual(['a', 'b']);
});

test('pause: says that nothing is sent only once all owners have answered so', async () => {
  const world = await aWorld();
  const { context, retry } = retryOf(world);
  const clock = new ManualClock();
  const asking = pause({ ...retry, context: { ...context, clock } }, aPause(), {});
  const ended = expect(asking).rejects.toMatchObject({ code: EXIT.unavailable });
  await clock.advance(700_000);
  await ended;
  expect(context.err()).not.toContain('nothing is sent');
});
