/** Which releases of Apache Kafka can be run here, and the Maven project that names what is fetched of a release. */
import { createHash } from 'node:crypto';

export type KafkaVersion = '4.2.0' | '3.9.1';

export const kafkaVersions: readonly KafkaVersion[] = ['4.2.0', '3.9.1'];

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

export function releaseOf(version: KafkaVersion): Release {
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
