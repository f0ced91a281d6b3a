/** The jars of Confluent's parallel-consumer, fetched as the broker's are and checked by SHA-256, and the peer's classes. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import {
  KafkaSetupError,
  fetchRelease,
  releaseOfArtifacts,
  type SetupFault,
} from '../../src/lab/kafka-broker/fetch.ts';
import type { Program } from '../world/measured-process.ts';
import { BUILD_DIRECTORY, SetupError, exists, projectPath, runTool, type PeerContext } from './setup.ts';

const VERSION = '0.5.3.3';

const release = releaseOfArtifacts(
  { title: 'Confluent parallel-consumer', version: VERSION, mainFile: `parallel-consumer-core-${VERSION}.jar` },
  [
    ['io.confluent.parallelconsumer', 'parallel-consumer-core', VERSION],
    ['com.fasterxml.jackson.core', 'jackson-databind', '2.19.2'],
    ['org.slf4j', 'slf4j-simple', '2.0.13'],
  ],
);

const SOURCES = projectPath('bench/peers/java');
const MAIN_CLASS = 'ParallelConsumerPeer';

/** @throws SetupError */
export async function prepareJava(context: PeerContext): Promise<Program> {
  const lib = await fetchJars(context);
  await verifyJars(lib);
  const classes = await compile(lib);
  const classPath = [join(lib, '*'), classes].join(delimiter);
  return { file: 'java', args: ['-cp', classPath, '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', MAIN_CLASS] };
}

const remedies: Readonly<Partial<Record<SetupFault, string>>> = {
  java_missing: 'Install a JDK 17 (Debian, Ubuntu: apt-get install openjdk-17-jdk-headless).',
  maven_missing: 'Install Maven (Debian, Ubuntu: apt-get install maven; macOS: brew install maven).',
  repository_unreachable: 'Check the network, or name a mirror of Maven Central in ~/.m2/settings.xml.',
};

async function fetchJars(context: PeerContext): Promise<string> {
  try {
    return await fetchRelease(release, context);
  } catch (cause) {
    if (!(cause instanceof KafkaSetupError)) throw cause;
    const remedy = remedies[cause.fault] ?? `Maven says: ${cause.message}`;
    throw new SetupError('The jars of parallel-consumer cannot be fetched.', remedy, { cause });
  }
}

/** @throws SetupError if another file than the pinned ones is there, or one is missing. */
async function verifyJars(lib: string): Promise<void> {
  const pinned = await readFile(join(SOURCES, 'jars.sha256'), 'utf8');
  const files = (await readdir(lib)).toSorted();
  const lines = files.map(async (file) => `${sha256(await readFile(join(lib, file)))}  ${file}\n`);
  if ((await Promise.all(lines)).join('') === pinned) return;
  throw new SetupError(
    'The jars of parallel-consumer are not those that bench/peers/java/jars.sha256 names.',
    `Delete ${dirname(lib)} and try again; \`sha256sum -c\` in ${lib} names the file that differs.`,
  );
}

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');

/** Into a folder named by the sources, published by renaming it. */
async function compile(lib: string): Promise<string> {
  const files = (await readdir(SOURCES)).filter((name) => name.endsWith('.java')).map((name) => join(SOURCES, name));
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  const classes = join(BUILD_DIRECTORY, `java-${sha256([release.folder, ...texts].join('\n')).slice(0, 12)}`);
  if (await exists(classes)) return classes;
  await mkdir(BUILD_DIRECTORY, { recursive: true });
  const draft = await mkdtemp(join(BUILD_DIRECTORY, '.java-'));
  const jdk = 'Install a JDK 17 or later (Debian, Ubuntu: apt-get install openjdk-17-jdk-headless).';
  try {
    await runTool('javac', ['--release', '17', '-d', draft, '-cp', join(lib, '*'), ...files], {
      missing: { problem: 'The peer in Java needs a JDK, and there is no `javac` on the PATH.', remedy: jdk },
      failed: { problem: 'javac cannot compile the peer in Java', remedy: jdk },
    });
    await rename(draft, classes);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return classes;
}
