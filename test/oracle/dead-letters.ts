/** What the dead-letter topic must hold (protocol.md 3.4): each failed intent, and each invalid record with its own bytes. */
import type { Facts } from './facts.ts';
import { impliedById } from './full-states.ts';
import { bytesOf } from './intents.ts';
import { headerOf, intentsOf, textOf, type TopicRecord } from './live-records.ts';
import { isFailure } from './reports.ts';
import { broken, type Violation } from './violation.ts';

/** By the id of what they are about. */
export type DeadLetters = ReadonlyMap<string, TopicRecord>;

export function deadLettersOf(records: readonly TopicRecord[]): DeadLetters {
  return new Map(records.map((record) => [idOf(record), record]));
}

function idOf(record: TopicRecord): string {
  const [topic = '', partition = '', offset = '', reason = ''] = [
    'rollcall-original-topic',
    'rollcall-original-partition',
    'rollcall-original-offset',
    'rollcall-reason',
  ].map((name) => headerOf(record, name));
  const position = `${topic}/${partition}/${offset}`;
  if (reason === 'invalid' || record.value === null) return position;
  if (isCut(record)) return `${position}${CUT}`;
  const [intent] = intentsOf(textOf(record.key), record.value);
  return intent?.member === '' ? position : `${position}/${intent?.name}`;
}

/** A dead letter that is cut does not name its member any more. */
const CUT = '\u0000cut';

const isCut = (record: TopicRecord): boolean => headerOf(record, 'rollcall-truncated') === 'true';

const cutIdOf = (id: string): string => `${id.split('/').slice(0, 3).join('/')}${CUT}`;

/** A dead letter of what has not failed after all is no violation: its writer may have died before it reported. */
export function deadLetterViolations({ deadLetters, intents, states, events, counting }: Facts): readonly Violation[] {
  const failed = [...counting.values()].filter(({ outcome }) => isFailure(outcome));
  const invalid = [...events.values()].filter(({ outcome }) => outcome === 'invalid');
  const invalidIds = new Set(invalid.map(({ id }) => id));
  const wantedCuts = new Set([...intents.keys(), ...states.keys()].map(cutIdOf));
  return [
    ...failed
      .filter(({ id }) => !deadLetters.has(id) && !deadLetters.has(cutIdOf(id)))
      .map(({ id }) => broken('kept', `${id} has failed and has no dead letter`)),
    ...invalid.flatMap(({ id, record }) => {
      const letter = deadLetters.get(id);
      if (letter === undefined) return [broken('kept', `${id} is invalid and has no dead letter`)];
      return isOriginal(letter, bytesOf(record.value ?? '')) ? [] : [broken('kept', `the bytes of ${id} are not kept`)];
    }),
    ...[...deadLetters.keys()]
      .filter(
        (id) =>
          !wantedCuts.has(id) && !invalidIds.has(id) && !intents.has(id) && !states.has(id) && !impliedById(states, id),
      )
      .map((id) => broken('accounted', `a dead letter is about ${id}, which no change asked for`)),
  ];
}

function isOriginal(letter: TopicRecord, bytes: Uint8Array): boolean {
  const kept = letter.value ?? new Uint8Array();
  const length = isCut(letter) ? kept.length : bytes.length;
  return Buffer.from(bytes.subarray(0, length)).equals(kept);
}
