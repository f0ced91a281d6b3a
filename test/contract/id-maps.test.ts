/** One suite on every id map; topic on the memory log, scim on the sandbox by each attribute. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileIdMap } from '../../src/adapters/ids/file.ts';
import { ScimIdMap } from '../../src/adapters/ids/scim.ts';
import { TopicIdMap } from '../../src/adapters/ids/topic.ts';
import { systemClock } from '../../src/adapters/system.ts';
import type { UserAttribute } from '../../src/core/ids/look-up.ts';
import { aLog, anApi, aSandbox } from '../support/genesys.ts';
import { idMapSuite, type IdRow } from '../support/id-map-suite.ts';
import { aTableTopic, keyed, TOPIC } from '../support/id-table-topic.ts';

const system = { clock: systemClock, logger: aLog() };

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
const csv = (rows: readonly IdRow[]): string =>
  [
    'type,source_id,genesys_id,active',
    ...rows.map((row) => [row.type, quoted(row.source_id), quoted(row.genesys_id), row.active ?? ''].join(',')),
  ].join('\r\n');
const ndjson = (rows: readonly IdRow[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

const FORMS = { CSV: csv, NDJSON: ndjson };

for (const [name, render] of Object.entries(FORMS)) {
  idMapSuite(`a file of ${name}`, {
    unknown: 'unmapped',
    hasAliases: true,
    open: async (rows) => {
      const folder = await mkdtemp(join(tmpdir(), 'ids-'));
      const path = join(folder, 'ids');
      await writeFile(path, render(rows));
      const map = await FileIdMap.open(path, system);
      return { map, end: () => rm(folder, { recursive: true }) };
    },
  });
}

idMapSuite('a topic', {
  unknown: 'unmapped',
  hasAliases: true,
  open: async (rows) => {
    const tools = await aTableTopic();
    await tools.send(rows.map((row) => keyed(`${row.type}/${row.source_id}`, row)));
    const map = await TopicIdMap.open(TOPIC, { ...system, tools, stop: new AbortController().signal });
    return { map, end: async () => undefined };
  },
});

const scim = (userAttribute: UserAttribute, inactiveUsers: 'hidden' | 'shown') => ({
  unknown: 'missing' as const,
  hasAliases: false,
  open: async (rows: readonly IdRow[]) => {
    const sandbox = await aSandbox({ behaviour: { inactiveUsers } });
    for (const { type, source_id: value, genesys_id: id, active } of rows) {
      if (type === 'group') sandbox.putGroup({ id, displayName: value });
      else sandbox.putUser({ id, active, [userAttribute]: value });
    }
    const map = new ScimIdMap({ userAttribute, groupAttribute: 'displayName' }, { ...system, api: anApi(sandbox) });
    return { map, end: async () => undefined };
  },
});

const SCIM = ['externalId', 'userName', 'email'] as const;
for (const attribute of SCIM) {
  for (const inactive of ['hidden', 'shown'] as const) {
    idMapSuite(`scim by ${attribute}, inactive users ${inactive}`, scim(attribute, inactive));
  }
}
