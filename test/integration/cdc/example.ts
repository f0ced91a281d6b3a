/** Runs commands of examples/keycloak-debezium/README.md as they stand there; what they ask of Docker goes to the servers of the test. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { fencedBlocks } from '../../support/fenced-blocks.ts';
import type { Environment } from '../../support/service.ts';
import type { Keycloak } from './keycloak.ts';

const execute = promisify(execFile);

/** `docker compose exec -T keycloak /opt/keycloak/bin/kcadm.sh …`, `docker compose exec rollcall node dist/cli.js …` */
const DOCKER = `#!/bin/bash
case "$*" in
  "compose exec -T keycloak /opt/keycloak/bin/kcadm.sh "*)
    shift 5
    exec "$TEST_KEYCLOAK_HOME/bin/kcadm.sh" "\${@//http:\\/\\/localhost:8080/$TEST_KEYCLOAK_URL}" ;;
  "compose exec rollcall node dist/cli.js "*)
    shift 5
    exec "$TEST_NODE" --import tsx src/cli.ts "$@" ;;
esac
echo "not known here: docker $*" >&2
exit 1
`;
const CURL = `#!/bin/bash
exec "$TEST_CURL" "\${@//http:\\/\\/127.0.0.1:8090/$TEST_SANDBOX_URL}"
`;

export interface ExampleServers {
  readonly folder: string;
  readonly keycloak: Keycloak;
  /** Of the emulator. */
  readonly url: string;
  readonly environment: Environment;
}

/** The block that has this text; returns what it prints. */
export async function runExample(
  text: string,
  { folder, keycloak, url, environment }: ExampleServers,
): Promise<string> {
  const readme = await readFile(new URL('../../../examples/keycloak-debezium/README.md', import.meta.url), 'utf8');
  const block = fencedBlocks(readme).find(({ language, content }) => language === 'bash' && content.includes(text));
  if (block === undefined) throw new Error(`the README of the example has no block with ${text}`);
  const bin = join(folder, 'bin');
  await mkdir(bin, { recursive: true });
  for (const [name, script] of Object.entries({ docker: DOCKER, curl: CURL })) {
    await writeFile(join(bin, name), script);
    await chmod(join(bin, name), 0o755);
  }
  const { stdout: curl } = await execute('bash', ['-c', 'command -v curl']);
  const { stdout } = await execute('bash', ['-e', '-o', 'pipefail', '-c', block.content], {
    // The report is as long as what the other tests have done.
    maxBuffer: 1 << 28,
    env: {
      ...environment,
      HOME: folder,
      PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`,
      TEST_NODE: process.execPath,
      TEST_CURL: curl.trim(),
      TEST_KEYCLOAK_HOME: keycloak.home,
      TEST_KEYCLOAK_URL: keycloak.url,
      TEST_SANDBOX_URL: url,
    },
  });
  return stdout;
}
