/** The index of `--index DIR`: what it keeps of the topics, and that it says the same as they do. */
import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { native } from '../../src/formats/native/native.ts';
import { RecordIndex } from '../../src/adapters/record-index/record-index.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { aRequest } from '../support/a-report.ts';
import { aFolder, Asking } from '../support/asking.ts';
import type { ExplainFlags } from '../../src/commands/explain.ts';
import { mulberry32, type Stream } from '../support/random.ts';
import { WrittenTopics } from '../support/written-topics.ts';
import { ROWS_BY } from '../../src/console/breakdown-text.ts';
import type { ReportFlags } from '../../src/commands/report.ts';
import type { ReportRecord } from '../../src/core/report/report.ts';
import { groupAnswer } from '../support/quick-world.ts';
import { Table } from '../support/table.ts';
import { topics } from '../support/world.ts';

const GROUPS = ['g', 's2', 's3'];
const MEMBERS = ['u', 'v', 'w'];
const TARGETS = ['t-0', 't-1', 'g'];
const OUTCOMES = ['applied', 'already_synced', 'superseded', 'retry_scheduled', 'failed', 'drift'];
const PATCHES = ['p1', 'p2', 'p3', 'p4', 'p5'];
const REASONS = ['member_missing', 'attempts_exhausted', 'rate_limited'];
const OF_NO_MEMBER = ['no_changes', 'invalid'];

/** What no service writes as well: names that change, reports of nothing, groups in two partitions, records that say nothing. */
class RandomTopics {
  readonly topics = new WrittenTopics();
  readonly folder = aFolder();
  readonly #random: Stream;
  readonly #ids = new Table();
  #reportedAt = this.topics.clock.now().wall;
  #pageCount = 0;

  /** Else what is asked for has events in several partitions. Which is newer is known by their times, so none may be without. */
  readonly #isInOne: boolean;

  constructor(seed: number, isMapped: boolean) {
    this.#isInOne = !isMapped && seed % 4 === 1;
    this.#random = mulberry32(seed);
    if (isMapped) this.topics.ids = this.#ids;
  }

  async write(): Promise<void> {
    await this.topics.clock.advance(1_000);
    const kind = this.#random();
    const group = this.#pick(GROUPS);
    const members = MEMBERS.filter(() => this.#random() < 0.4);
    if (kind < 0.04) return this.topics.append(group, 'no report', this.#chance(0.3) ? 0 : undefined);
    if (kind < 0.08) return this.#deleteSome();
    if (kind < 0.14 && this.topics.ids !== null) return this.#mapAgain();
    const partition = !this.#isInOne && this.#chance(0.3) ? Math.floor(this.#random() * 3) : undefined;
    const at = this.topics.event(group, this.#event(members), partition);
    const named = [...members, ...(this.#chance(0.5) ? [null] : [])];
    for (const member of named)
      for (let i = 0; this.#chance(i === 0 ? 0.9 : 0.3); i += 1) this.#report(group, at, member);
  }

  /** By the topics and by the index. */
  async compare(flags: ExplainFlags): Promise<void> {
    const byTopics = await this.topics.explain(flags, null);
    expect(await this.topics.explain(flags, this.folder), JSON.stringify(flags)).toBe(byTopics);
  }

  /** Rows, and sometimes a page. */
  async compareReports(): Promise<void> {
    const at = (): number => this.topics.clock.now().wall - Math.floor(this.#random() * 20) * 1_000;
    const [one, other] = [at(), at()];
    const limits: readonly ReportFlags[] = [
      {},
      { until: one },
      { since: one },
      ...(one === other ? [] : [{ since: Math.min(one, other), until: Math.max(one, other) }]),
      { outcome: ['applied'], group: [this.#pick([...GROUPS, ...TARGETS])] },
      { member: [this.#pick([...MEMBERS, ...TARGETS])], until: one },
    ];
    for (const limit of limits) {
      for (const by of ROWS_BY)
        for (const format of ['text', 'json', 'csv'] as const) await this.#compareReport({ ...limit, by, format });
      if (this.#chance(0.2)) await this.#compareReport({ ...limit, html: 'page' });
    }
  }

  async #compareReport(flags: ReportFlags): Promise<void> {
    // Each into a file of its own.
    const asked = (): ReportFlags =>
      flags.html === undefined ? flags : { ...flags, html: join(this.folder, `${(this.#pageCount += 1)}.html`) };
    const byTopics = await this.topics.reports(asked(), null);
    expect(await this.topics.reports(asked(), this.folder), JSON.stringify(flags)).toBe(byTopics);
  }

  #event(members: readonly string[]): object {
    const kind = this.#random();
    if (kind < 0.3) return { members, complete: true };
    if (kind < 0.6) return { add_members: members };
    return kind < 0.95 ? { remove_members: members } : { add_members: 'no list' };
  }

  #report(group: string, at: readonly [number, bigint], member: string | null): void {
    const outcome = this.#pick(member === null ? [...OUTCOMES, ...OF_NO_MEMBER] : OUTCOMES);
    const target = this.topics.ids === null ? group : this.#chance(0.2) ? null : this.#pick(TARGETS);
    const name = this.topics.ids === null ? member : member === null || this.#chance(0.2) ? null : this.#pick(TARGETS);
    this.#reportedAt += 1_000;
    this.topics.report(group, at, member, {
      outcome,
      group: target,
      member: name,
      final: outcome !== 'retry_scheduled',
      op: this.#chance(0.5) ? 'add' : 'remove',
      reported_at: new Date(this.#reportedAt).toISOString(),
      attempt: outcome === 'retry_scheduled' ? 1 : 0,
      epoch: this.#pick([1, 2]),
      reason: outcome === 'failed' || outcome === 'retry_scheduled' ? this.#reason() : null,
      lag_ms: { queue: this.#pick([0, 3, 7, 1_000]), apply: this.#chance(0.3) ? null : this.#pick([1, 2, 30]) },
      superseded_by:
        outcome === 'superseded' && this.#isInOne ? `source/${at[0]}/${at[1] + 1n}/${member ?? 'u'}` : null,
      request:
        outcome === 'failed' || outcome === 'retry_scheduled'
          ? aRequest(this.#pick(PATCHES))
          : outcome === 'applied'
            ? aRequest(this.#pick([...PATCHES, null]), { etag_after: `"${this.topics.target.group(group).version++}"` })
            : null,
    });
  }

  #reason(): ReportRecord['reason'] {
    return { code: this.#pick(REASONS), message: 'm', status: null, scim_type: null, advice: '' };
  }

  /** All of a partition, or what is older. */
  #deleteSome(): void {
    const topic = this.#pick([topics.report, topics.source]);
    const partition = this.topics.broker.topic(topic).partition(Math.floor(this.#random() * 3));
    const kept = BigInt(Math.floor(this.#random() * 3));
    if (this.isDeleting && partition.end > kept) partition.deleteBefore(partition.end - kept);
  }

  isDeleting = true;

  #mapAgain(): void {
    const name = this.#pick([...MEMBERS, ...GROUPS]);
    const kind = MEMBERS.includes(name) ? 'user' : 'group';
    if (this.#chance(0.5)) this.#ids.rows.delete(`${kind}/${name}`);
    else this.#ids.set(kind, name, this.#pick(TARGETS));
  }

  #chance(of: number): boolean {
    return this.#random() < of;
  }

  #pick<T>(among: readonly T[]): T {
    return among[Math.floor(this.#random() * among.length)] as T;
  }
}

/** In how many histories. */
const HISTORIES = Number(process.env['INDEX_HISTORIES'] ?? 30);

test(
  'index: counts the same as the topics, in rows and on a page, in random histories',
  { timeout: 600_000 },
  async () => {
    for (let seed = 1; seed <= HISTORIES; seed += 1) {
      const history = new RandomTopics(seed, seed % 2 === 0);
      for (let step = 0; step < 24; step += 1) await history.write();
      await history.compareReports();
      history.isDeleting = false;
      for (let step = 0; step < 8; step += 1) await history.write();
      await history.compareReports();
    }
  },
);

test(
  'index: says the same as the topics, of each member and of all, in random histories',
  { timeout: 600_000 },
  async () => {
    let compared = 0;
    for (let seed = 1; seed <= HISTORIES; seed += 1) {
      const history = new RandomTopics(seed, seed % 2 === 0);
      for (let step = 0; step < 24; step += 1) await history.write();
      // From now on the index has what the topics have lost.
      const asked = [...GROUPS, ...TARGETS].flatMap((group) =>
        [...MEMBERS, 't-0', 'nobody', undefined].map((member) => ({ group, ...(member !== undefined && { member }) })),
      );
      for (const flags of asked) await history.compare(flags);
      history.isDeleting = false;
      for (let step = 0; step < 8; step += 1) await history.write();
      for (const flags of asked)
        await history.compare({ ...flags, ...(seed % 3 === 0 && { allPartitions: true as const }) });
      compared += asked.length * 2;
    }
    expect(compared).toBe(HISTORIES * 36 * 2);
  },
);

async function filled(count = 6): Promise<Asking> {
  const asking = new Asking();
  await asking.start();
  for (let i = 0; i < count; i += 1) asking.world.produce({ add_members: ['u', `m${i}`], event_id: `e${i}` });
  await asking.world.clock.advance(5_000);
  return asking;
}

test('index: each record is read once, also where the reading fails in between', async () => {
  const asking = await filled();
  const ends = [topics.report, topics.source].map((topic) => Number(asking.world.broker.topic(topic).partition(0).end));
  const read: string[] = [];
  asking.onRead = (topic, { offset }) => {
    read.push(`${topic}/${offset}`);
    if (topic === topics.source && offset === 3n) throw new Error('the connection is gone');
  };
  await expect(asking.byIndex()).rejects.toThrow('the connection is gone');
  asking.onRead = (topic, { offset }) => void read.push(`${topic}/${offset}`);
  const byIndex = await asking.byIndex();
  const ofRetry = (name: string): boolean => name.startsWith(topics.retry);
  const expected = ends.reduce((sum, end) => sum + end, 0);
  // And the one that failed.
  expect(read.filter((name) => !ofRetry(name)).length).toBe(expected + 1);
  expect(byIndex).toBe(await asking.byTopics());
  read.length = 0;
  await asking.byIndex();
  expect(read.filter((name) => !ofRetry(name))).toEqual([]);
});

test('index: keeps what retention has taken since, and says what it has not seen', async () => {
  const asking = await filled();
  const before = await asking.byIndex();
  for (const topic of [topics.report, topics.source]) {
    const partition = asking.world.broker.topic(topic).partition(0);
    partition.deleteBefore(partition.end);
  }
  expect(await asking.byIndex()).toBe(before);
  expect(await asking.byTopics()).toContain('what came before is gone');
  asking.world.produce({ remove_members: ['u'], event_id: 'unseen' });
  await asking.world.clock.advance(5_000);
  const source = asking.world.broker.topic(topics.source).partition(0);
  source.deleteBefore(source.end);
  const after = await asking.byIndex();
  expect(after).toContain(`source/0 begins at offset ${source.end}: what came before is gone`);
  expect(after).toContain('e5');
});

test('index: refuses a topic that was made again, where it has as many records', async () => {
  const asking = await filled();
  await asking.byIndex();
  asking.world.broker.recreateTopic(topics.source);
  for (let i = 0; i < 6; i += 1) asking.world.produce({ add_members: ['z'] });
  const refused = { code: EXIT.usage, message: expect.stringContaining('another directory to --index') };
  await expect(asking.byIndex()).rejects.toMatchObject(refused);
});

test('index: refuses one that was made for something else, and a file that is none', async () => {
  const asking = await filled();
  await asking.byIndex();
  const refused = { code: EXIT.usage, message: expect.stringContaining('or of another SOURCE_FORMAT') };
  await expect(asking.byIndex({}, { format: 'debezium', reader: '1' })).rejects.toMatchObject(refused);
});

test('index: only its owner may read it', async () => {
  const asking = await filled();
  await asking.byIndex();
  const files = readdirSync(asking.folder);
  expect(files).toContain('records.sqlite');
  for (const file of files) expect(statSync(join(asking.folder, file)).mode & 0o077, file).toBe(0);
});

test('index: what two processes read is in it once, and found by either id of a member', async () => {
  const folder = aFolder();
  const [one, other] = [await RecordIndex.open(folder, 'of'), await RecordIndex.open(folder, 'of')];
  const about = {
    group: 'g',
    names: [],
    member: 'u',
    otherMember: 't-0',
    partition: 0,
    target: null,
    memberTarget: null,
    version: 'known' as const,
  };
  const entries = [0, 1, 2].map((offset) => ({
    record: { partition: 0, offset: BigInt(offset), timestamp: offset, key: null, value: null, headers: [] },
    time: offset,
    about: [{ ...about, position: null }],
    outcome: 'applied',
    problem: null,
  }));
  const place = (next: bigint) => new Map([[0, { first: 0n, next }]]);
  one.writer.add('report', entries.slice(0, 2), place(2n));
  other.writer.add('report', entries, place(3n));
  one.writer.add('report', entries.slice(0, 1), place(1n));
  const wanted = { groups: ['g'], members: null, since: null, until: null };
  expect([...one.reports(wanted, new Set([0]))].map(({ offset }) => offset)).toEqual([0n, 1n, 2n]);
  expect(one.places('report').get(0)?.next).toBe(3n);
  expect([...one.reports({ ...wanted, groups: null, members: ['t-0'] }, new Set([0]))]).toHaveLength(3);
  one.close();
  other.close();
});

test('index: what cannot be unpacked is a doubt each time', async () => {
  const asking = await filled();
  const message = 'the batch at 9 is damaged';
  const damaged = (topic: string) => topic === topics.report;
  asking.onRead = () => undefined;
  asking.unreadable = (topic, { offset }) =>
    damaged(topic) && offset === 2n ? { code: 'batch_unreadable', message } : undefined;
  const first = await asking.byIndex();
  expect(first).toContain(`${message}; the reports in it are missing`);
  expect(await asking.byIndex()).toBe(first);
});

test('index: knows the version that the change of another member has left', async () => {
  const asking = await filled(1);
  asking.world.produce({ add_members: ['v'] });
  await asking.world.clock.advance(5_000);
  const version = asking.world.target.group('g').version;
  // Needs no request.
  asking.world.produce({ add_members: ['v'] });
  await asking.world.clock.advance(5_000);
  asking.world.target.onGet = () => groupAnswer('g', version - 1, ['u', 'm0']);
  expect(await asking.text()).toContain(`shows version "${version - 1}", which is older than "${version}"`);
});

test('index: finds what was reported of a member under another name, also where the id map no longer has them', async () => {
  const ids = new Table()
    .set('group', 'g', 'tg')
    .set('user', 'u', 't-0')
    .set('user', 'w', 't-0')
    .set('user', 'z', 't-1');
  const asking = new Asking({}, ids);
  await asking.start();
  for (const event of [{ add_members: ['u'] }, { remove_members: ['w'], event_id: 'as-w' }, { add_members: ['z'] }]) {
    asking.world.produce(event);
    await asking.world.clock.advance(5_000);
  }
  for (const name of ['u', 'w']) ids.rows.delete(`user/${name}`);
  expect(await asking.text()).toContain('event as-w');
});

test('index: what another version, or another key, can read is read again', async () => {
  const written = new WrittenTopics(1);
  const folder = aFolder();
  written.event('g', { add_members: ['u'], event_id: 'hired' });
  written.format = {
    name: 'none',
    decode: () => [{ kind: 'invalid', group: null, code: 'unknown', message: 'not known' }],
  };
  const flags = { group: 'g', member: 'u' };
  expect(await written.explain(flags, folder)).toContain('no event and no report names it');
  written.format = native;
  expect(await written.explain(flags, folder)).toContain('no event and no report names it');
  written.reading = { format: 'native', reader: '2' };
  expect(await written.explain(flags, folder)).toContain('event hired');
});

test('index: finds the events of a name that the id map alone has for a member', async () => {
  const written = new WrittenTopics(1);
  const folder = aFolder();
  written.ids = new Table().set('group', 'g', 'tg').set('user', 'u', 't-0').set('user', 'w', 't-0');
  const names = { group: 'tg', member: 't-0' };
  written.report('g', written.event('g', { add_members: ['u'] }), 'u', names);
  written.event('g', { remove_members: ['w'], event_id: 'as-w' });
  const flags = { group: 'g', member: 'u' };
  expect(await written.explain(flags, folder)).toContain('event as-w');
  expect(await written.explain(flags, folder)).toBe(await written.explain(flags, null));
});

test('index: finds the events of a name that the id map has for whom a report alone says', async () => {
  const written = new WrittenTopics(1);
  const folder = aFolder();
  written.ids = new Table().set('group', 'g', 'tg').set('user', 'w', 't-0');
  written.report('g', written.event('g', { add_members: ['u'] }), 'u', { group: 'tg', member: 't-0' });
  written.event('g', { remove_members: ['w'], event_id: 'as-w' });
  const flags = { group: 'g', member: 'u' };
  expect(await written.explain(flags, folder)).toContain('event as-w');
  expect(await written.explain(flags, folder)).toBe(await written.explain(flags, null));
});

test.each([
  ['a file', (folder: string) => join(folder, 'file')],
  ['below a file', (folder: string) => join(folder, 'file', 'index')],
  ['where no directory is', (folder: string) => join(folder, 'none', 'index')],
  ['a directory that has a directory of its name', (folder: string) => join(folder, 'taken')],
  ['a directory whose file is something else', (folder: string) => join(folder, 'other')],
])('index: says what is wrong with %s', async (_, place) => {
  const folder = aFolder();
  writeFileSync(join(folder, 'file'), '');
  mkdirSync(join(folder, 'taken', 'records.sqlite'), { recursive: true });
  mkdirSync(join(folder, 'other'));
  writeFileSync(join(folder, 'other', 'records.sqlite'), 'x'.repeat(10_000));
  const explained = new WrittenTopics(1).explain({ group: 'g' }, place(folder));
  await expect(explained).rejects.toMatchObject({
    code: EXIT.unavailable,
    message: expect.stringContaining(`the index ${place(folder)}: `),
  });
});

test('index: says that it is damaged', async () => {
  const written = new WrittenTopics(1);
  const folder = aFolder();
  for (let i = 0; i < 500; i += 1) written.report('g', written.event('g', { add_members: [`m${i}`] }), `m${i}`, {});
  await written.explain({ group: 'g' }, folder);
  const file = openSync(join(folder, 'records.sqlite'), 'r+');
  const { size } = fstatSync(file);
  writeSync(file, Buffer.alloc(size - 8_192, 0xa5), 0, size - 8_192, 8_192);
  closeSync(file);
  await expect(written.explain({ group: 'g' }, folder)).rejects.toMatchObject({
    code: EXIT.unavailable,
    message: expect.stringContaining('where the file is damaged, give another directory'),
  });
});
