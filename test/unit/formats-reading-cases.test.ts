/**
 * Records that were once misread or passed over (test/support/reading-cases.ndjson): `right` is the exact change, or the kinds that are
 * acceptable. Made from public payloads of Debezium, GitLab, Mattermost, Okta, Entra, Google and SCIM servers.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decodeFile } from '../../src/commands/decode.ts';
import type { DecodedLine } from '../../src/commands/decode.ts';
import type { FormatName } from '../../src/formats/registry.ts';
import { aContext } from '../support/command-context.ts';

interface Change {
  readonly group: string;
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

interface Case {
  readonly name: string;
  readonly format: FormatName;
  readonly env: Record<string, string>;
  readonly record: unknown;
  /** Exactly this, or one of these. */
  readonly right: 'DELETED' | readonly (string | Change)[];
}

const cases = readFileSync(new URL('../support/reading-cases.ndjson', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Case);

async function decode({ format, env, record }: Case): Promise<DecodedLine> {
  const context = aContext({ stdin: JSON.stringify(record), environment: env });
  expect(await decodeFile('-', { format, partitions: 1 }, context), context.err()).toBe(0);
  return JSON.parse(context.out()) as DecodedLine;
}

/** What the line says, in the words of `right`. */
function meaning({ kind, changes }: DecodedLine): unknown {
  if (kind === 'state') return changes.map(({ deleted }) => (deleted ? 'DELETED' : 'STATE')).join();
  if (kind !== 'delta') return kind;
  return changes.length === 1 ? changes.map(({ group, add, remove }) => ({ group, add, remove }))[0] : changes;
}

describe('reads what the record says, and nothing else', () => {
  test.each(cases)('$name', async (one) => {
    const acceptable = typeof one.right === 'string' ? [one.right] : one.right;
    expect(acceptable).toContainEqual(meaning(await decode(one)));
  });
});
