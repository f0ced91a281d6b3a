/** `rollcall explain` where reports are of a source topic that was deleted and created again, or had another name. */
import { expect, test } from 'vitest';
import { EXIT } from '../../src/exit-codes.ts';
import { aFolder } from '../support/asking.ts';
import { aState, anIntent } from '../support/retry-records.ts';
import { topics } from '../support/world.ts';
import { WrittenTopics } from '../support/written-topics.ts';

const HOUR_MS = 3_600_000;

/** `ann` was added by the former topic, at offset 1, an hour before the present one was created. */
function recreated(): WrittenTopics {
  const written = new WrittenTopics(1);
  const reportedAt = new Date(written.clock.now().wall).toISOString();
  written.event('g', { add_members: ['k'] });
  const place = written.event('g', { add_members: ['ann'], event_id: 'old-add' });
  written.report('g', place, 'ann', { outcome: 'applied', op: 'add', reported_at: reportedAt });
  written.broker.recreateTopic(topics.source);
  written.clock.jumpWall(HOUR_MS);
  return written;
}

const LEFT_OUT = '1 report of a former source topic left out';

test.each([null, aFolder])(
  'an event of the present topic is not taken for the one that lay there before',
  async (folder) => {
    const written = recreated();
    written.event('g', { remove_members: ['ann'], event_id: 'ann-left' });
    written.event('g', { remove_members: ['ann'], event_id: 'again' });
    const said = await written.explain({ group: 'g', member: 'ann' }, folder?.() ?? null);
    expect(said).toContain(LEFT_OUT);
    expect(said).toContain('no report says what became of the removal by event again at source/0/1');
    expect(said).not.toContain('old-add');
    expect(said).not.toContain('applied');
  },
);

test.each([null, aFolder])(
  'a report at a higher offset than any of the present topic decides nothing',
  async (folder) => {
    const written = recreated();
    const place = written.event('g', { remove_members: ['ann'], event_id: 'ann-left' });
    const reportedAt = new Date(written.clock.now().wall).toISOString();
    written.report('g', place, 'ann', { outcome: 'applied', op: 'remove', reported_at: reportedAt });
    const said = await written.explain({ group: 'g', member: 'ann' }, folder?.() ?? null);
    expect(said).toContain('Not a member: removed by event ann-left at source/0/0');
    expect(said).toContain(LEFT_OUT);
  },
);

test('whom only the former topic names is not called unnamed', async () => {
  const written = recreated();
  const said = await written.explain({ group: 'g', member: 'ann' }, null);
  expect(said).toMatch(
    /: no event that is left in the source topic names it; a report of a former source topic does: add at source\/0\/1\/ann, applied \S+\n?/,
  );
  expect(said).not.toContain('no event and no report names it');
  expect(written.exitCode).toBe(EXIT.done);
  await written.explain({ group: 'g' }, null);
  expect(written.exitCode).toBe(EXIT.done);
  await written.explain({ group: 'g', member: 'ben' }, null);
  expect(written.exitCode).toBe(EXIT.someFailed);
});

test('a report of a record that was written after the look is of the present topic', async () => {
  const written = new WrittenTopics(1);
  const reportedAt = new Date(written.clock.now().wall).toISOString();
  written.report('g', [0, 0n], 'ann', { outcome: 'applied', op: 'add', reported_at: reportedAt });
  const { bounds } = written;
  let looks = 0;
  written.bounds = async (...asked) => {
    const found = new Map([...(await bounds(...asked))].map(([at, { start, end }]) => [at, { start, end }]));
    if (++looks === 1) written.event('g', { add_members: ['ann'] });
    return found;
  };
  const said = await written.explain({ group: 'g', member: 'ann' }, null);
  expect(looks).toBe(2);
  expect(said).toMatch(/added at source\/0\/0.*and others have changed it since/);
  expect(said).not.toContain('former');
});

/** A live record that the former topic has left: no instance takes it over. */
function waitingOf(written: WrittenTopics, member: string, offset: bigint): void {
  const intent = { ...anIntent({ offset, op: 'add', member }), attempt: 1, notBefore: 9_000 };
  written.broker.append([aState({ owner: 'o', epoch: 1, seq: 1 }, [intent])]);
}

test('what waits of the former topic is not said to wait, and what is to be done is said', async () => {
  const written = recreated();
  waitingOf(written, 'zoe', 7n);
  const said = await written.explain({ group: 'g', member: 'zoe' }, null);
  expect(said).toContain('a live record of a former source topic does: add at source/0/7/zoe, which no instance tries');
  expect(said).toContain('1 change of a former source topic left out, which no instance tries: set a new RETRY_TOPIC');
  expect(said).not.toContain('waits for another try');
  expect(written.exitCode).toBe(EXIT.done);
  const ofGroup = await written.explain({ group: 'g' }, null);
  expect(ofGroup).toContain('set a new RETRY_TOPIC');
  expect(ofGroup).not.toMatch(/ waits? for/);
});

test('what waits of the present topic waits, also where it lies at an offset of the former one', async () => {
  const written = recreated();
  written.event('g', { add_members: ['zoe'] });
  const { timestamp, offset } = written.broker.topic(topics.source).partition(0).read(0n, 1).records[0] ?? {};
  const intent = anIntent({ offset: offset ?? 0n, op: 'add', member: 'zoe' });
  const source = { ...intent.source, timestamp: Number(timestamp) };
  const waiting = { ...intent, source, firstSeenAt: Number(timestamp) + 1, attempt: 1, notBefore: 9_000 };
  written.broker.append([aState({ owner: 'o', epoch: 1, seq: 1 }, [waiting])]);
  expect(await written.explain({ group: 'g', member: 'zoe' }, null)).toContain('waits for another try');
});

test('what waits of the present topic waits, also where the oldest record has a time that is ahead', async () => {
  const written = new WrittenTopics(1);
  const now = written.clock.now().wall;
  written.clock.jumpWall(HOUR_MS);
  written.event('g', { add_members: ['k'] });
  written.clock.jumpWall(-HOUR_MS);
  written.event('g', { add_members: ['zoe'] });
  const intent = anIntent({ offset: 1n, op: 'add', member: 'zoe' });
  const waiting = {
    ...intent,
    source: { ...intent.source, timestamp: now },
    firstSeenAt: now,
    attempt: 1,
    notBefore: 9_000,
  };
  written.broker.append([aState({ owner: 'o', epoch: 1, seq: 1 }, [waiting])]);
  expect(await written.explain({ group: 'g', member: 'zoe' }, null)).toContain('waits for another try');
  // of another record at that place
  const other = { ...waiting, source: { ...waiting.source, timestamp: now - 1 } };
  written.broker.append([aState({ owner: 'o', epoch: 1, seq: 2 }, [other])]);
  expect(await written.explain({ group: 'g', member: 'zoe' }, null)).toContain('set a new RETRY_TOPIC');
});
