/** Opens the id map for one command: with the target, or only what it says without. */
import { createIdMap, openIdTable } from '../adapters/ids/create.ts';
import { IdMapError } from '../adapters/ids/tables.ts';
import { createLogTools } from '../adapters/kafka/tools.ts';
import { readConfig, type Config } from '../config/config.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { GroupApi, IdMap, LogTools, Logger } from '../ports.ts';
import type { CommandContext } from './command-context.ts';
import { kafkaExit, readText } from './kafka-tools.ts';

export interface OpenIdMap {
  /** null: the source has the target's own ids. */
  readonly ids: IdMap | null;
  close(): Promise<void>;
}

/** What an id map says of ids without the target; empty where the target is asked for each. */
export type IdRows = Pick<IdMap, 'rowsAbout'>;

export interface OpenIdRows {
  /** null: the source has the target's own ids. */
  readonly ids: IdRows | null;
  close(): Promise<void>;
}

interface Opening {
  readonly context: CommandContext;
  readonly logger: Logger;
}

/** Kafka is asked for only where the map is a topic. @throws ExitError where a table cannot be used. */
export const openIdMap = (
  config: Config<'ids'>,
  { api, ...opening }: Opening & { readonly api: GroupApi },
): Promise<OpenIdMap> => openWith(opening, (dependencies) => createIdMap(config.ids, { ...dependencies, api }));

/** As above, without the target. */
export async function openIdRows({ ids: { source } }: Config<'ids'>, opening: Opening): Promise<OpenIdRows> {
  const { ids, close } = await openWith(opening, (dependencies) => openIdTable(source, dependencies));
  return { ids: source.kind === 'scim' ? {} : ids, close };
}

async function openWith(
  { context, logger }: Opening,
  open: (dependencies: Parameters<typeof openIdTable>[1]) => Promise<IdMap | null>,
): Promise<OpenIdMap> {
  let tools: LogTools | null = null;
  const openTools = (): LogTools => {
    const { kafka } = readConfig(context.environment, ['kafka'], readText);
    tools = createLogTools(kafka, { clock: context.clock, logger });
    return tools;
  };
  const close = async (): Promise<void> => tools?.close();
  try {
    const ids = await open({ openTools, clock: context.clock, logger, stop: context.stop });
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
