/** The live records of one retry partition as a restore would find them now, kept up to date record by record. */
import type { LiveIntent, TopicRecord } from '../../oracle/live-records.ts';
import { headerOf, intentsOf, textOf } from '../../oracle/live-records.ts';

const FENCE_KEY = '\u0000rollcall.fence';

interface Counting {
  readonly epoch: number;
  readonly seq: number;
  /** By member. */
  readonly intents: ReadonlyMap<string, LiveIntent>;
}

export class LiveView {
  fenceEpoch = 0;
  readonly groups = new Map<string, Counting>();

  /** The group whose counting record has changed, with what it held before; null: none has. */
  read(record: TopicRecord): { readonly group: string; readonly before: Counting['intents'] } | null {
    const key = textOf(record.key);
    const epoch = Number(headerOf(record, 'rollcall-epoch'));
    if (key === FENCE_KEY) this.fenceEpoch = Math.max(this.fenceEpoch, epoch);
    if (key.startsWith('\u0000')) return null;
    const seq = Number(headerOf(record, 'rollcall-seq'));
    const known = this.groups.get(key);
    const isOlder = known !== undefined && (known.epoch > epoch || (known.epoch === epoch && known.seq > seq));
    if (epoch < this.fenceEpoch || isOlder) return null;
    const intents = record.value === null ? [] : intentsOf(key, record.value);
    this.groups.set(key, { epoch, seq, intents: new Map(intents.map((intent) => [intent.member, intent])) });
    return { group: key, before: known?.intents ?? new Map() };
  }

  find(group: string, member: string): LiveIntent | undefined {
    return this.groups.get(group)?.intents.get(member);
  }

  get all(): readonly LiveIntent[] {
    return [...this.groups.values()].flatMap(({ intents }) => [...intents.values()]);
  }
}
