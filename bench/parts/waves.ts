/** Requests per changed group: the first wave of changes finds the snapshot cache cold, the second one warm. */
import { startSandbox, type Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import { single, type Figure } from '../figure.ts';
import type { Part } from '../part.ts';
import { checkMemberships } from '../world/memberships.ts';
import { sendEvents } from '../world/send-events.ts';
import { requestCount, withService, type BenchService } from '../world/service.ts';

const AT_THE_END = ['user-1', 'user-2', 'user-4', 'user-5'];
const groups = Array.from({ length: 500 }, (_, index) => `group-${index + 1}`);

export const waves: Part = { name: 'waves', isQuick: true, measure: measureWaves };

async function measureWaves(): Promise<readonly Figure[]> {
  const sandbox = await startSandbox({
    users: 'any',
    seed: { groups: groups.map((id) => ({ id, members: ['user-1', 'user-2'] })) },
    limits: 'off',
    latencyMs: { min: 5, max: 25 },
  });
  try {
    return await withService(sandbox, async (service) => {
      await service.pipeline.start();
      const cold = await sendWave(sandbox, service, { add: ['user-3', 'user-4'], remove: ['user-1'] });
      const warm = await sendWave(sandbox, service, { add: ['user-1', 'user-5'], remove: ['user-3'] });
      checkMemberships(sandbox, new Map(groups.map((group) => [group, new Set(AT_THE_END)])));
      return [
        single('requests per changed group, cold', cold, { digits: 2, atMost: 2.05 }),
        single('requests per changed group, warm', warm, { digits: 2, atMost: 1.05 }),
      ];
    });
  } finally {
    await sandbox.stop();
  }
}

interface Change {
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

/** The same change for every group; returns requests per group. */
async function sendWave(sandbox: Sandbox, { tools, pipeline, sourceTopic }: BenchService, change: Change) {
  const before = requestCount(sandbox);
  const events = groups.map((group) => ({
    group,
    value: JSON.stringify({ group_id: group, add_members: change.add, remove_members: change.remove }),
  }));
  await sendEvents(tools, sourceTopic, events);
  await pipeline.whenAtRest();
  return (requestCount(sandbox) - before) / groups.length;
}
