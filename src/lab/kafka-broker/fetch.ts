/**
 * Fetches the jars of Apache Kafka, and other releases, with Maven, once per machine. A finished download is published
 * by renaming its folder, so the cache never holds half a release and two processes may fetch the same one at once.
 * Also which releases can be run here, and the Maven project that names what is fetched of each.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Logger } from '../../ports.ts';

export interface FetchOptions {
  readonly cacheDirectory: string;
  readonly logger: Pick<Logger, 'info'>;
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
    options.logger.info({ title, version, directory: home }, 'downloading with Maven (once)');
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
    await run('mvn', flags, { cwd: directory, env: options.environment, maxBuffer: 16 * 1024 * 1024 });
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
  return new KafkaSetupError('download_failed', `Maven could not fetch ${title}: ${reason}`, { cause });
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

export type KafkaVersion = '4.2.0' | '3.9.1';

/** @property file kind of file, where it is no jar with its dependencies: it is fetched alone. */
export type Artifact = readonly [
  group: string,
  name: string,
  version: string,
  file?: { readonly type: string; readonly classifier?: string },
];

/** Kafka's own jars leave the logging back end to the user, and 4.x moved from reload4j to log4j 2. */
const loggingBackEnds: Readonly<Record<KafkaVersion, readonly Artifact[]>> = {
  '4.2.0': [
    ['org.apache.logging.log4j', 'log4j-slf4j-impl', '2.25.2'],
    ['org.apache.logging.log4j', 'log4j-core', '2.25.2'],
  ],
  '3.9.1': [['org.slf4j', 'slf4j-reload4j', '1.7.36']],
};

export interface Release {
  /** For messages: `Apache Kafka`. */
  readonly title: string;
  readonly version: string;
  /** pom.xml of a project whose runtime dependencies are the release. */
  readonly pom: string;
  /** Name of the cache folder: another pom is another folder. */
  readonly folder: string;
  /** A download without this file is incomplete. */
  readonly mainFile: string;
}

function releaseOf(version: KafkaVersion): Release {
  const artifacts: Artifact[] = [['org.apache.kafka', 'kafka_2.13', version], ...loggingBackEnds[version]];
  return releaseOfArtifacts({ title: 'Apache Kafka', version, mainFile: `kafka_2.13-${version}.jar` }, artifacts);
}

export function releaseOfArtifacts(
  named: Pick<Release, 'title' | 'version' | 'mainFile'>,
  artifacts: readonly Artifact[],
): Release {
  const pom = `<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>rollcall</groupId>
  <artifactId>kafka-broker</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
${artifacts.map(dependency).join('\n')}
  </dependencies>
</project>
`;
  const hash = createHash('sha256').update(pom).digest('hex').slice(0, 12);
  return { ...named, pom, folder: `${named.version}-${hash}` };
}

function dependency([group, name, version, file]: Artifact): string {
  const named = `<groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version>`;
  return `    <dependency>${named}${file === undefined ? '' : alone(file)}</dependency>`;
}

const alone = ({ type, classifier }: { readonly type: string; readonly classifier?: string }): string =>
  `<type>${type}</type>${classifier === undefined ? '' : `<classifier>${classifier}</classifier>`}` +
  '<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>';

/** Why a broker cannot be had on this machine; the message names the remedy. */
export type SetupFault =
  | 'java_missing'
  | 'java_too_old'
  | 'maven_missing'
  | 'repository_unreachable'
  | 'download_failed'
  | 'port_taken'
  | 'start_failed';

export class KafkaSetupError extends Error {
  override readonly name = 'KafkaSetupError';
  readonly fault: SetupFault;

  constructor(fault: SetupFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

export function javaMissing(cause: unknown): KafkaSetupError {
  return new KafkaSetupError(
    'java_missing',
    'A Kafka broker needs Java 17 or later, and there is no `java` on the PATH. Install a JDK or JRE ' +
      '(Debian, Ubuntu: apt-get install openjdk-17-jre-headless; macOS: brew install openjdk@17), ' +
      'or name a broker that is already running.',
    { cause },
  );
}
