/** Headers of our records: all text, each name once. Of a live record those for people and tools (protocol.md 3.2). */
import { comparePositions, offsetText, type Intent } from '../change/change.ts';

export type Headers = readonly (readonly [name: string, value: Uint8Array])[];

const encoder = new TextEncoder();
export const textHeader = (name: string, value: string): Headers[number] => [name, encoder.encode(value)];

/** null: there is none, or it is not UTF-8. */
export const header = (headers: Headers, name: string): string | null =>
  textOf(headers.find(([other]) => other === name)?.[1] ?? null);

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** null: nothing, or not UTF-8. */
export function textOf(bytes: Uint8Array | null): string | null {
  if (bytes === null) return null;
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** Why a group waits, as of its newest failure; for people and tools, never read back. */
export interface Trouble {
  readonly code: string;
  readonly message: string;
  /** Epoch ms. */
  readonly firstFailureAt: number;
}

export interface WaitingFacts {
  readonly intents: readonly Intent[];
  readonly trouble: Trouble | null;
  /** Epoch ms. */
  readonly now: number;
}

/** What waits, until when and why; they count what is not dead. */
export function waitingHeaders({ intents, trouble, now }: WaitingFacts): Headers {
  const waiting = intents.filter(({ dead }) => dead === null);
  if (waiting.length === 0) return [];
  const earliest = waiting.reduce((a, b) => (b.notBefore < a.notBefore ? b : a)).notBefore;
  const attempt = waiting.reduce((highest, intent) => Math.max(highest, intent.attempt), 0);
  return [
    textHeader('rollcall-attempt', String(attempt)),
    textHeader('rollcall-not-before', String(earliest)),
    textHeader('rollcall-delay-ms', String(Math.max(0, earliest - now))),
    ...troubleHeaders(trouble),
    ...sourceHeaders(waiting.reduce((a, b) => (comparePositions(b.source, a.source) > 0 ? b : a))),
  ];
}

const troubleHeaders = (trouble: Trouble | null): Headers =>
  trouble === null
    ? []
    : [
        textHeader('rollcall-first-failure-at', String(trouble.firstFailureAt)),
        textHeader('rollcall-error-code', trouble.code),
        textHeader('rollcall-error-message', trouble.message),
      ];

const sourceHeaders = ({ source }: Intent): Headers => [
  textHeader('rollcall-source-topic', source.topic),
  textHeader('rollcall-source-partition', String(source.partition)),
  textHeader('rollcall-source-offset', offsetText(source)),
];
