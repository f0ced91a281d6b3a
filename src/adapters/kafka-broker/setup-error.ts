/** Why a broker cannot be had on this machine; the message names the mend. */
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
