/** The live records of one retry partition as a restore would find them now, kept up to date record by record. */
import type { LiveIntent, TopicRecord } from '../../oracle/live-records.ts';
import { headerOf, intentsOf, marksIn, namesIn, textOf } from '../../oracle/live-records.ts';

const FENCE_KEY = '\u0000rollcall.fence';

interface Counting {
  readonly epoch: number;
  readonly seq: number;
  /** By member. */
  readonly intents: ReadonlyMap<string, LiveIntent>;
  /** Members that it names besides. */
  readonly names: number;
  /** Final changes that it keeps besides. */
  readonly marks: number;
}

export class LiveView {
  fenceEpoch = 0;
  readonly groups = new Map<string, Counting>();

  /** What the group's counting record says now; null: this one does not count. */
  read(record: TopicRecord): Counting['intents'] | null {
    const key = textOf(record.key);
    const epoch = Number(headerOf(record, 'rollcall-epoch'));
    if (key === FENCE_KEY) this.fenceEpoch = Math.max(this.fenceEpoch, epoch);
    if (key.startsWith('\u0000')) return null;
    const seq = Number(headerOf(record, 'rollcall-seq'));
    const known = this.groups.get(key);
    const isOlder = known !== undefined && (known.epoch > epoch || (known.epoch === epoch && known.seq > seq));
    if (epoch < this.fenceEpoch || isOlder) return null;
    const read = record.value === null ? [] : intentsOf(key, record.value);
    const intents = new Map(read.map((intent) => [intent.member, intent]));
    const [names, marks] = record.value === null ? [0, 0] : [namesIn(record.value), marksIn(record.value)];
    this.groups.set(key, { epoch, seq, intents, names, marks });
    return intents;
  }

  find(group: string, member: string): LiveIntent | undefined {
    return this.groups.get(group)?.intents.get(member);
  }

  get all(): readonly LiveIntent[] {
    return [...this.groups.values()].flatMap(({ intents }) => [...intents.values()]);
  }
}
