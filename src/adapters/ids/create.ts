/**
 * Room adapters/ids: ids of the identity provider → ids of the target: file, topic, look-ups.
 * Not here: what an answer means for a change (core/ids).
 *
 * The id map that is configured.
 */
import type { Clock, GroupApi, IdMap, Logger, LogTools } from '../../ports.ts';
import { FileIdMap } from './file.ts';
import { ScimIdMap, type LookUpAttributes } from './scim.ts';
import { TopicIdMap } from './topic.ts';

export type IdSource =
  | { readonly kind: 'none' | 'scim' }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'topic'; readonly topic: string };

/** The attributes are those of `scim`. */
export interface IdMapOptions extends LookUpAttributes {
  readonly source: IdSource;
}

export interface Dependencies {
  readonly api: Pick<GroupApi, 'gate' | 'search'>;
  /** Asked for where the map is a topic; who opened them closes them, after the map. */
  readonly openTools: () => LogTools;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends the reading of a table before it is complete; then this rejects. */
  readonly stop: AbortSignal;
}

/**
 * Resolves when the map can tell; null: the source has the target's own ids.
 * @throws IdMapError for a table that cannot be used; what Kafka throws, as it is.
 */
export async function createIdMap(options: IdMapOptions, dependencies: Dependencies): Promise<IdMap | null> {
  const { source } = options;
  return source.kind === 'scim' ? new ScimIdMap(options, dependencies) : openIdTable(source, dependencies);
}

/** As above; null also where the target is asked for each id. */
export async function openIdTable(
  source: IdSource,
  dependencies: Omit<Dependencies, 'api'>,
): Promise<FileIdMap | TopicIdMap | null> {
  switch (source.kind) {
    case 'none':
    case 'scim':
      return null;
    case 'file':
      return FileIdMap.open(source.path, dependencies);
    case 'topic':
      return TopicIdMap.open(source.topic, { ...dependencies, tools: dependencies.openTools() });
  }
}
