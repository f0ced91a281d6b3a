/** `rollcall explain` of a group, and how it ends: what it says of what it cannot know, and of a group without members. */
import { describe, expect, test } from 'vitest';
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import { systemClock } from '../../src/adapters/system.ts';
import { explainCommand, explainGroup, questionIn, type ExplainFlags } from '../../src/commands/explain.ts';
import { GroupRecords } from '../../src/console/group-records.ts';
import { renderPauses } from '../../src/core/log/live-record.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { native } from '../../src/formats/native/native.ts';
import { boundsIn, topicIdIn } from '../support/an-index.ts';
import { paused, produced, started, type Asking } from '../support/asking.ts';
import { aContext } from '../support/command-context.ts';
import { answer } from '../support/quick-world.ts';
import { askedAt } from '../support/served-pipeline.ts';
import { served } from '../support/served.ts';
import { topics } from '../support/world.ts';
import { WrittenTopics } from '../support/written-topics.ts';

const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) ?? '';

const groupSentence = async (asking: Asking): Promise<string> => lastLine(await asking.text('all members'));

describe('explain --group: what it cannot know', () => {
  test.each([404, 403])('where Genesys Cloud answers %i, what is done is so by the reports alone', async (status) => {
    const asking = await started({ add_members: ['u'] });
    asking.world.target.onGet = () => answer(status);
    expect(await groupSentence(asking)).toBe('Not known how many members: all as asked by the reports.');
    expect(asking.exitCode).toBe(EXIT.done);
  });

  test('an event that could not be read is named, unless a full state has come after it', async () => {
    const asking = await started({ add_members: ['u'] }, { add_members: 'u' });
    expect(await groupSentence(asking)).toBe(
      '1 member: what is known is as asked; an event of the group, at source/0/1, could not be read: see its dead letter.',
    );
    await produced(asking, { members: ['u'], complete: true });
    expect(await groupSentence(asking)).toBe('1 member: all as asked.');
  });

  test('what retention has taken may have named members, and may be newer', async () => {
    const written = new WrittenTopics(1);
    const place = written.event('g', { add_members: ['u'] });
    written.event('g', { remove_members: ['u'] });
    written.report('g', place, 'u', {});
    for (const member of ['u', 'v']) written.target.group('g').members.add(member);
    written.broker.topic(topics.source).partition(0).deleteBefore(2n);
    expect(lastLine(await written.explain({ group: 'g' }, null))).toBe(
      '2 members: what is known is as asked; no event that is left names 1 of the members; records of the source are gone, and newer events may be among them.',
    );
    const { members } = JSON.parse(await written.explain({ group: 'g', json: true }, null)) as { members: object[] };
    expect(members).toMatchObject([
      { member: 'u', may_be_outdated: true },
      { member: 'v', may_be_outdated: false },
    ]);
    const said = await written.explain({ group: 'g', member: 'u', json: true }, null);
    expect(JSON.parse(said)).toMatchObject({ is_member: true, may_be_outdated: true });
  });

  test('reports that are gone may have named members', async () => {
    const written = new WrittenTopics(1);
    written.event('g', { add_members: ['u'] });
    written.report('h', [0, 0n], 'x', {});
    written.target.group('g').members.add('v');
    written.broker.topic(topics.report).partition(0).deleteBefore(1n);
    expect(lastLine(await written.explain({ group: 'g' }, null))).toBe(
      '1 member: 1 change has no report that says what became of it; no event that is left names 1 of the members.',
    );
  });

  test('of members that no event names nothing is said to be as asked', async () => {
    const asking = await started();
    expect(await groupSentence(asking)).toBe('0 members: no event names any.');
    asking.world.target.group('g').members.add('v');
    expect(await asking.text('all members')).toContain(': 1 member\n');
    expect(await groupSentence(asking)).toBe('1 member: no event names any.');
  });

  test('as of a time members are counted by the reports', async () => {
    const asking = await started({ add_members: ['u', 'v'] });
    const at = asking.world.clock.now().wall;
    await asking.world.clock.advance(1);
    await produced(asking, { remove_members: ['v'] });
    expect(lastLine(await asking.text({ at, member: undefined } as never))).toMatch(
      /^At \S+, by what was reported until then: 2 members: all as asked\.$/,
    );
  });
});

test('explain --group: as of a time at which no report says of a member whether it was one they are not counted', async () => {
  const written = new WrittenTopics(1);
  written.event('g', { add_members: [] });
  const at = written.clock.now().wall;
  const asked = async (): Promise<string> => lastLine(await written.explain({ group: 'g', at }, null));
  expect(await asked()).toMatch(/: Not known how many members: no event names any\.$/);
  written.report('g', written.event('g', { remove_members: ['u', 'v'] }), 'u', {
    outcome: 'held',
    final: false,
    op: 'remove',
  });
  expect(await asked()).toMatch(/: Not known how many members: 1 change is held until an operator decides/);
});

describe('explain --group: a group without members', () => {
  test('a full state that waits is said, also where it names none, and Genesys Cloud has no such group', async () => {
    const asking = await started();
    asking.world.target.onGet = () => answer(404);
    await produced(asking, { members: [], complete: true, event_id: 'emptied' });
    expect(await groupSentence(asking)).toMatch(
      /^Not known how many members: the full state by event emptied at source\/0\/0 waits for another try at \S+Z \(1 failed: not_found\)\.$/,
    );
    expect(asking.exitCode).toBe(EXIT.done);
    const { full_state: state } = JSON.parse(await asking.text({ json: true, member: undefined } as never)) as {
      full_state: unknown;
    };
    expect(state).toMatchObject({
      position: 'source/0/0',
      event_id: 'emptied',
      standing: 'waits',
      last_outcome: 'retry_scheduled',
      reason: 'not_found',
      paused: false,
      may_be_outdated: false,
    });
  });

  test('a full state that waits for a resume says so once', async () => {
    const asking = await started();
    await paused(asking, 'g');
    await produced(asking, { members: [], complete: true });
    const said = await groupSentence(asking);
    expect(said).toMatch(/^0 members: the full state at source\/0\/0 waits/);
    expect(said.match(/paused by jane/g)).toHaveLength(1);
  });

  test('a full state that is done, and names none', async () => {
    const asking = await started({ members: [], complete: true });
    expect(await groupSentence(asking)).toBe('0 members: all as asked.');
  });

  test('an event that changes nothing names the group, and so does one that cannot be read', async () => {
    for (const event of [{ add_members: [] }, { add_members: 'u' }]) {
      const asking = await started();
      asking.world.target.onGet = () => answer(404);
      await produced(asking, event);
      expect(await groupSentence(asking)).toMatch(/^Not known how many members: no event names any/);
      expect(asking.exitCode).toBe(EXIT.done);
    }
  });

  test('a pause from before the first event is said, and names no group by itself', async () => {
    const asking = await started();
    await paused(asking, 'g');
    const pause = String.raw`paused by jane since \S+: INC-7; rollcall resume --group 'g'\.$`;
    expect(await groupSentence(asking)).toMatch(new RegExp(`^0 members: no event names any; ${pause}`));
    asking.world.target.onGet = () => answer(404);
    expect(await groupSentence(asking)).toMatch(
      new RegExp(`^No event, no report and no answer of Genesys Cloud names the group; ${pause}`),
    );
    expect(asking.exitCode).toBe(EXIT.someFailed);
  });
});

describe('explain: instances', () => {
  const own = (partition: number, phase = 'running') => ({ partition, phase, epoch: 1, next_offset: '0' });
  const idle = { breaker: null, intents: [], left_out: 0 };
  const ofGroup = { topic: topics.source, partition: 0, offset: '0' };

  async function anInstance(says: object): Promise<string> {
    return served((_, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(says));
    });
  }

  /** Of member `u` of group `g`, whose event lies in partition 0, and is not read yet; the topic is read as a whole. */
  async function asked(...says: readonly object[]): Promise<string> {
    const written = new WrittenTopics(2);
    written.event('g', { add_members: ['v'] }, 1);
    await written.clock.advance(1);
    written.event('g', { add_members: ['u'] }, 0);
    return lastLine(await askedOf(written, { group: 'g', member: 'u' }, says));
  }

  async function askedOf(written: WrittenTopics, flags: ExplainFlags, says: readonly object[]): Promise<string> {
    const context = aContext({ clock: systemClock });
    const { broker, target: api } = written;
    const urls = await Promise.all(says.map(anInstance));
    const sources = {
      tools: new MemoryLog(broker, {
        groupId: 'g',
        clientId: 'c',
        topics: { source: topics.source, retry: topics.retry },
      }),
      topics,
      format: native,
      ids: null,
      api,
      context,
      instances: urls.map(askedAt),
      committed: async () => new Map<number, bigint>(),
      starts: async () => new Map<number, bigint>(),
      bounds: boundsIn(broker),
      timestampsAt: async () => new Map<number, number>(),
      topicId: topicIdIn(broker),
    };
    const records = GroupRecords.ofTopics(sources);
    await explainGroup(questionIn({ ...flags, allPartitions: true }, context), { ...sources, records });
    return context.out();
  }

  test.each([0, 1])('a full state waits for a resume where its own partition is paused: %i', async (partition) => {
    const written = new WrittenTopics(2);
    written.event('g', { members: ['u'], complete: true }, 0);
    written.event('g', { add_members: ['v'] }, 1);
    const parked = {
      ...ofGroup,
      member: '',
      target: null,
      op: 'state',
      state: 'parked',
      attempt: 1,
      not_before: 5_000,
    };
    const owners = [
      { ...idle, partitions: [own(0)], intents: [parked] },
      { ...idle, partitions: [own(1)] },
    ];
    const pause = { group: 'g', author: 'jane', reason: 'INC-7', at: 1 };
    const pauses = renderPauses({ owner: 'o', epoch: 1, seq: 1 }, { all: null, groups: [pause] });
    written.broker.append([{ topic: topics.retry, partition, ...pauses }]);
    const said = lastLine(await askedOf(written, { group: 'g' }, owners));
    expect(said).toMatch(
      partition === 0
        ? /the full state at source\/0\/0 waits for a resume \(paused by jane [^;]*; rollcall resume --group 'g'\)\.$/
        : /the full state at source\/0\/0 waits for another try at \S+Z \(1 failed\); paused by jane [^;]*; rollcall resume --group 'g'\.$/,
    );
    expect(said.match(/paused by jane/g)).toHaveLength(1);
    expect(JSON.parse(await askedOf(written, { group: 'g', json: true }, owners))).toMatchObject({
      full_state: { standing: 'waits', paused: partition === 0 },
    });
  });

  test('each of its pauses is named where its partitions have others', async () => {
    const written = new WrittenTopics(2);
    for (const [partition, author] of ['jane', 'ann'].entries()) {
      written.event('g', { add_members: ['v'] }, partition);
      const pause = { group: 'g', author, reason: 'INC-7', at: 1 };
      const pauses = renderPauses({ owner: 'o', epoch: 1, seq: 1 }, { all: null, groups: [pause] });
      written.broker.append([{ topic: topics.retry, partition, ...pauses }]);
    }
    const said = lastLine(await askedOf(written, { group: 'g' }, []));
    expect(said.match(/paused by (jane|ann) since/g)).toEqual(['paused by jane since', 'paused by ann since']);
  });

  test('one request is one pause, since its first time, whatever else is paused', async () => {
    const written = new WrittenTopics(3);
    const pause = { group: 'g', author: 'jane', reason: 'INC-7' };
    const all = { author: 'joe', reason: 'INC-8', at: 9_000 };
    for (const [partition, at] of [3_000, 1_000, 2_000].entries()) {
      const of = { all: partition === 2 ? all : null, groups: [{ ...pause, at }] };
      const pauses = renderPauses({ owner: 'o', epoch: 1, seq: 1 }, of);
      written.broker.append([{ topic: topics.retry, partition, ...pauses }]);
    }
    // of a group that nothing names, and of one whose full state waits
    for (const isNamed of [false, true]) {
      if (isNamed) written.event('g', { members: ['v'], complete: true }, 0);
      const said = lastLine(await askedOf(written, { group: 'g' }, []));
      expect(said.match(/paused by \w+ since [^:]+:\d\d:\d\d\.\d+Z/g)?.toSorted()).toEqual(
        isNamed
          ? ['paused by jane since 1970-01-01T00:00:01.000Z']
          : ['paused by jane since 1970-01-01T00:00:01.000Z', 'paused by joe since 1970-01-01T00:00:09.000Z'],
      );
    }
  });

  test('that one is full keeps only what lies in its partitions', async () => {
    const full = { ...idle, intake: 'full' };
    expect(await asked({ ...idle, partitions: [own(0)] }, { ...full, partitions: [own(1)] })).toMatch(
      / is not read yet\.$/,
    );
    expect(await asked({ ...full, partitions: [own(0)] }, { ...idle, partitions: [own(1)] })).toMatch(
      / is not read at present \(too much is pending/,
    );
  });

  test('that one sends nothing keeps only what lies in its partitions', async () => {
    const queued = { ...ofGroup, member: 'u', target: 'u', op: 'add', state: 'queued', attempt: 0, not_before: 0 };
    const has = { ...idle, intents: [queued] };
    expect(await asked({ ...has, partitions: [own(0)] }, { ...idle, breaker: 'target', partitions: [own(1)] })).toMatch(
      / waits for its request\.$/,
    );
    expect(await asked({ ...has, breaker: 'target', partitions: [own(0)] }, { ...idle, partitions: [own(1)] })).toMatch(
      / nothing of it is sent at present \(the breaker is open: target\)\.$/,
    );
  });
});

test('explain: what it is asked for is checked before anything is opened', async () => {
  for (const args of [
    ['--group', ''],
    ['--group', 'g', '--member', 'a\nb'],
    ['--group', 'g', '--at', '2999-01-01T00:00:00Z'],
  ])
    await expect(explainCommand(aContext()).exitOverride().parseAsync(args, { from: 'user' })).rejects.toMatchObject({
      code: EXIT.usage,
    });
});
