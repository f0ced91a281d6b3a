/** The recipe of docs/formats.md: its blocks are what the tests execute, so that the page cannot say anything else. */
import { readFileSync } from 'node:fs';
import { fencedBlocks } from '../../support/fenced-blocks.ts';
import type { ConnectorConfig } from './connect-worker.ts';

const blocks = fencedBlocks(readFileSync(new URL('../../../docs/formats.md', import.meta.url), 'utf8'));

/** @throws where there is not exactly one block with this mark. */
function block(mark: string): string {
  const found = blocks.filter(({ marks }) => marks.includes(mark));
  const [first] = found;
  if (first === undefined || found.length > 1) throw new Error(`docs/formats.md has ${found.length} blocks ${mark}`);
  return first.content;
}

const json = (mark: string): ConnectorConfig => JSON.parse(block(mark)) as ConnectorConfig;

const environment = (mark: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    block(mark)
      .trim()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );

export const recipe = {
  database: block('cdc-database'),
  connector: json('cdc-connector'),
  rollcall: environment('cdc-rollcall'),
  ids: block('cdc-ids'),
  fullStates: block('cdc-full-states'),
  signals: json('cdc-signals'),
  snapshot: block('cdc-snapshot'),
  ingest: environment('cdc-ingest'),
  flattened: json('cdc-flattened'),
  flattenedTombstones: json('cdc-flattened-tombstones'),
  outbox: json('cdc-outbox'),
};

export const without = (config: ConnectorConfig, ...names: readonly string[]): ConnectorConfig =>
  Object.fromEntries(Object.entries(config).filter(([name]) => !names.includes(name)));
