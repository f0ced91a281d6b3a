/** What the source topic asks for, by a fold of its own: the last record that names a member is right. */
import type { Op } from '../../src/core/change/change.ts';
import { native } from '../../src/formats/native/native.ts';
import type { LogTools } from '../../src/ports.ts';

export interface Expected {
  /** By group, by member. */
  readonly members: ReadonlyMap<string, ReadonlyMap<string, Op>>;
  /** Of the final reports. */
  readonly ids: ReadonlySet<string>;
}

export async function readExpected(topic: string, partitionCount: number, tools: LogTools): Promise<Expected> {
  const members = new Map<string, Map<string, Op>>();
  const ids = new Set<string>();
  const { signal } = new AbortController();
  for await (const record of tools.read(topic, { from: 'beginning', follow: false, signal })) {
    const [event] = native.decode(record, { partitionCount });
    if (event.kind === 'skip') continue;
    if (event.kind === 'state') throw new Error('full states are not expected here');
    const { group, add, remove } = event.kind === 'delta' ? event : nothing;
    const id = `${topic}/${record.partition}/${record.offset}`;
    if (add.length + remove.length === 0) ids.add(id);
    for (const member of [...add, ...remove]) {
      const wanted = members.get(group) ?? new Map<string, Op>();
      members.set(group, wanted.set(member, remove.includes(member) ? 'remove' : 'add'));
      ids.add(`${id}/${member}`);
    }
  }
  return { members, ids };
}

const nothing: Readonly<{ group: string; add: readonly string[]; remove: readonly string[] }> = {
  group: '',
  add: [],
  remove: [],
};
