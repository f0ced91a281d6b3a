/** Source formats of the simulation: records that hold several native events, and records that must be prepared first. */
import type { Decoded, SourceEvent, SourceFormat, SourceRecord } from '../../src/core/change/change.ts';
import { native } from '../../src/formats/native/native.ts';
import { several } from '../../src/formats/reading/events.ts';
import type { Clock } from '../../src/ports.ts';
import type { SaltedRandom } from '../support/random.ts';
import type { Settings } from './settings.ts';

export function formatOf(settings: Settings, { clock, random }: { clock: Clock; random: SaltedRandom }): SourceFormat {
  const format = preparedFormatOf(settings);
  return settings.prepareMs === undefined ? format : prepared(format, { clock, random, prepareMs: settings.prepareMs });
}

/** Once all is prepared. */
export const preparedFormatOf = ({ eventsPerRecord }: Settings): SourceFormat =>
  eventsPerRecord === undefined ? native : list;

/** `{"list":[…]}`: each of its entries is a native event of the group in the key. */
const list: SourceFormat = {
  name: 'list',
  decode: (record, topic) => {
    const entries = entriesOf(record);
    if (entries === null) return native.decode(record, topic);
    const decode = (entry: unknown): readonly SourceEvent[] =>
      native.decode({ ...record, value: Buffer.from(JSON.stringify(entry)) }, topic);
    return several(entries.flatMap(decode));
  },
};

function entriesOf({ value }: SourceRecord): readonly unknown[] | null {
  try {
    const { list: entries } = JSON.parse(Buffer.from(value ?? []).toString()) as { list?: unknown };
    return Array.isArray(entries) ? entries : null;
  } catch {
    return null;
  }
}

interface Preparing {
  readonly clock: Clock;
  readonly random: SaltedRandom;
  /** At most. */
  readonly prepareMs: number;
}

const UNPREPARED: Decoded = [
  { kind: 'invalid', code: 'unprepared', message: 'read before it was prepared', group: null },
];

/** As where signatures are verified: what is read before it is prepared cannot be believed. */
function prepared(format: SourceFormat, { clock, random, prepareMs }: Preparing): SourceFormat {
  const ready = new Set<string>();
  const nameOf = ({ key, value }: SourceRecord): string => `${String(key)} ${String(value)}`;
  return {
    name: format.name,
    prepare: (records) => {
      const names = records.map(nameOf).filter((name) => !ready.has(name));
      if (names.length === 0) return null;
      return new Promise((resolve) => {
        clock.schedule(random.between(1, prepareMs), () => {
          for (const name of names) ready.add(name);
          resolve();
        });
      });
    },
    decode: (record, topic) => (ready.has(nameOf(record)) ? format.decode(record, topic) : UNPREPARED),
  };
}
