import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import { aContext, type TestContext } from './command-context.ts';
import { topics, type World } from './world.ts';

/** As a command reads and writes it, that is no instance. */
export const commandLogOf = ({ broker }: World): MemoryLog =>
  new MemoryLog(broker, { groupId: 'command', clientId: 'command', topics });

export function retryOf(world: World, context: TestContext = aContext()) {
  return { context, retry: { topic: topics.retry, tools: commandLogOf(world), context } };
}
