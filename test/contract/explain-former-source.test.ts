/** `rollcall explain` where reports are of a source topic that was deleted and created again, or had another name. */
import { expect, test } from 'vitest';
import { EXIT } from '../../src/exit-codes.ts';
import { aFolder } from '../support/asking.ts';
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
