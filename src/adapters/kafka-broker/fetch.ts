/**
 * Fetches the jars of Apache Kafka, and other releases, with Maven, once per machine. A finished download is published by renaming its
 * folder, so the cache never holds half a release and two processes may fetch the same one at once.
 */
import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Logger } from '../../ports.ts';
import type { KafkaVersion, Release } from './release.ts';
import { releaseOf } from './release.ts';
import { javaMissing, KafkaSetupError } from './setup-error.ts';

export interface FetchOptions {
  readonly cacheDirectory: string;
  readonly log: Pick<Logger, 'info'>;
  /** Environment of java and mvn, this process's own by default. */
  readonly environment?: NodeJS.ProcessEnv;
}

const run = promisify(execFile);

/** Returns the folder of the jars (`lib`). With a warm cache neither Maven nor the network is touched. */
export const fetchKafka = (version: KafkaVersion, options: FetchOptions): Promise<string> =>
  fetchRelease(releaseOf(version), options);

/** As `fetchKafka`, of any release that Maven Central has. */
export async function fetchRelease(release: Release, options: FetchOptions): Promise<string> {
  const { title, version, mainFile } = release;
  const home = join(options.cacheDirectory, release.folder);
  const lib = join(home, 'lib');
  if (await exists(join(lib, mainFile))) return lib;

  await requireJava(options);
  await mkdir(options.cacheDirectory, { recursive: true });
  const download = await mkdtemp(join(options.cacheDirectory, `.download-${version}-`));
  try {
    options.log.info({ title, version, directory: home }, 'downloading with Maven (once)');
    await writeFile(join(download, 'pom.xml'), release.pom);
    await runMaven(download, title, options);
    if (!(await exists(join(download, 'lib', mainFile)))) {
      throw new KafkaSetupError('download_failed', `Maven finished without ${mainFile} in ${download}/lib.`);
    }
    await publish(download, home, join(lib, mainFile));
  } finally {
    await rm(download, { recursive: true, force: true });
  }
  return lib;
}

/** `ROLLCALL_CACHE_DIR`/kafka, else ~/.cache/rollcall/kafka. */
export function kafkaCacheDirectory(environment: NodeJS.ProcessEnv): string {
  return join(environment.ROLLCALL_CACHE_DIR || join(homedir(), '.cache', 'rollcall'), 'kafka');
}

async function requireJava(options: FetchOptions): Promise<void> {
  try {
    await run('java', ['-version'], { env: options.environment });
  } catch (cause) {
    throw javaMissing(cause);
  }
}

async function runMaven(directory: string, title: string, options: FetchOptions): Promise<void> {
  const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
  // -U: "not found" is remembered by Maven for a day otherwise, also when only the mirror was at fault.
  const flags = ['-q', '-B', '-U', '-f', 'pom.xml', goal, '-DincludeScope=runtime', '-DoutputDirectory=lib'];
  try {
    await run('mvn', flags, {
      cwd: directory,
      env: options.environment,
      maxBuffer: 16 * 1024 * 1024,
    });
  } catch (cause) {
    throw mavenFailure(title, cause);
  }
}

function mavenFailure(title: string, cause: unknown): KafkaSetupError {
  const failure = cause as { code?: unknown; stdout?: string; stderr?: string };
  if (failure.code === 'ENOENT') {
    return new KafkaSetupError(
      'maven_missing',
      `${title} is not in the cache yet and fetching it needs Maven, but there is no \`mvn\` on the PATH. Install it ` +
        '(Debian, Ubuntu: apt-get install maven; macOS: brew install maven), or name a broker that is already running.',
      { cause },
    );
  }
  const output = `${failure.stdout ?? ''}\n${failure.stderr ?? ''}`;
  const reason = output.split('\n').find((line) => line.includes('ERROR')) ?? output.trim().slice(-500);
  if (/Could not transfer|Unknown host|Connection refused|timed? ?out|unreachable|PKIX path/i.test(output)) {
    return new KafkaSetupError(
      'repository_unreachable',
      `Maven cannot reach its repository to fetch ${title}. ` +
        'Check the network, or name a mirror of Maven Central in ' +
        `~/.m2/settings.xml (and a proxy there, if one is needed). Maven says: ${reason}`,
      { cause },
    );
  }
  return new KafkaSetupError('download_failed', `Maven could not fetch ${title}: ${reason}`, {
    cause,
  });
}

/** The loser of a race keeps the winner's folder: both hold the same release. */
async function publish(download: string, home: string, proof: string): Promise<void> {
  try {
    await rename(download, home);
  } catch (error) {
    if (await exists(proof)) return;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
