/** What the recipe runs on, fetched from Maven Central once per machine. A missing one is a failure, never a skip. */
import { execFile } from 'node:child_process';
import { access, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fetchRelease, releaseOfArtifacts, type Artifact } from '../../../src/lab/kafka-broker/fetch.ts';
import { testHost } from '../../support/broker.ts';

/** As docs/formats.md and examples/keycloak-debezium name them. */
export const VERSIONS = { keycloak: '26.7.3', debezium: '3.6.1.Final', kafka: '4.2.0' } as const;

const execute = promisify(execFile);
const cacheOf = (name: string) => ({ ...testHost, cacheDirectory: join(testHost.cacheDirectory, '..', name) });

/** The folder of Kafka Connect's jars. */
export function fetchConnect(): Promise<string> {
  const { kafka } = VERSIONS;
  const artifacts: Artifact[] = [
    ...['connect-runtime', 'connect-json', 'connect-transforms'].map((name): Artifact => [
      'org.apache.kafka',
      name,
      kafka,
    ]),
    ['org.apache.logging.log4j', 'log4j-slf4j-impl', '2.25.2'],
    ['org.apache.logging.log4j', 'log4j-core', '2.25.2'],
  ];
  const named = { title: 'Kafka Connect', version: kafka, mainFile: `connect-runtime-${kafka}.jar` };
  return fetchRelease(releaseOfArtifacts(named, artifacts), cacheOf('connect'));
}

/** A folder for `plugin.path`: the archive that users of Connect unpack. */
export async function fetchDebezium(): Promise<string> {
  const version = VERSIONS.debezium;
  const mainFile = `debezium-connector-postgres-${version}-plugin.tar.gz`;
  const file = { type: 'tar.gz', classifier: 'plugin' };
  const artifacts: Artifact[] = [['io.debezium', 'debezium-connector-postgres', version, file]];
  const lib = await fetchRelease(
    releaseOfArtifacts({ title: 'Debezium', version, mainFile }, artifacts),
    cacheOf('debezium'),
  );
  return unpacked(lib, mainFile, async () => undefined);
}

/** The home of a Keycloak that is built for PostgreSQL, so that it starts at once. */
export async function fetchKeycloak(): Promise<string> {
  const version = VERSIONS.keycloak;
  const mainFile = `keycloak-quarkus-dist-${version}.tar.gz`;
  const artifacts: Artifact[] = [['org.keycloak', 'keycloak-quarkus-dist', version, { type: 'tar.gz' }]];
  const lib = await fetchRelease(
    releaseOfArtifacts({ title: 'Keycloak', version, mainFile }, artifacts),
    cacheOf('keycloak'),
  );
  const folder = await unpacked(lib, mainFile, async (made) => {
    const home = join(made, `keycloak-${version}`);
    await execute(join(home, 'bin/kc.sh'), ['build', '--db=postgres'], { maxBuffer: 1 << 24 });
  });
  return join(folder, `keycloak-${version}`);
}

/** Beside the archive, published by a rename: two processes may unpack it at once. */
async function unpacked(lib: string, archive: string, complete: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(lib, '../unpacked');
  if (await exists(folder)) return folder;
  const made = await mkdtemp(join(lib, '../.unpacking-'));
  try {
    await execute('tar', ['-xzf', join(lib, archive), '-C', made]);
    await complete(made);
    await rename(made, folder).catch(async (error: unknown) => {
      if ((await readdir(folder).catch(() => [])).length === 0) throw error;
    });
  } finally {
    await rm(made, { recursive: true, force: true });
  }
  return folder;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
