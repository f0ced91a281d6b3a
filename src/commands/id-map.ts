/** Opens the id map for one command. */
import { createIdMap } from '../adapters/ids/create.ts';
import { IdMapError } from '../adapters/ids/options.ts';
import { createLogTools } from '../adapters/kafka/tools.ts';
import { readConfig, type Config } from '../config.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { GroupApi, IdMap, Logger, LogTools } from '../ports.ts';
import type { Host } from './host.ts';
import { kafkaExit, readText } from './kafka-tools.ts';

export interface OpenIdMap {
  /** null: the source has the target's own ids. */
  readonly ids: IdMap | null;
  close(): Promise<void>;
}

/** Kafka is asked for only where the map is a topic. @throws ExitError where a table cannot be used. */
export async function openIdMap(
  config: Config<'ids'>,
  { host, api, logger }: { readonly host: Host; readonly api: GroupApi; readonly logger: Logger },
): Promise<OpenIdMap> {
  let tools: LogTools | null = null;
  const openTools = (): LogTools => {
    const { kafka } = readConfig(host.environment, ['kafka'], readText);
    tools = createLogTools(kafka, { clock: host.clock, log: logger });
    return tools;
  };
  const close = async (): Promise<void> => tools?.close();
  try {
    const ids = await createIdMap(config.ids, { api, openTools, clock: host.clock, logger, stop: host.stop });
    return {
      ids,
      close: async () => {
        await ids?.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    if (error instanceof IdMapError) throw new ExitError(EXIT.configuration, error.message, { cause: error });
    throw kafkaExit(error);
  }
}
