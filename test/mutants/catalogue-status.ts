/** Mutants of `rollcall status`. */
import type { Mutant } from './mutant.ts';

const overview = ['test/unit/status-overview.test.ts'];
const prediction = ['test/unit/convergence.test.ts'];

export const statusMutants: readonly Mutant[] = [
  {
    name: 'former-owner-counted',
    breaks: 'what an instance has that has lost its partition counts beside the owner',
    edits: [{ find: 'known.status.epoch >= status.epoch', replace: 'false' }],
    tests: overview,
  },
  {
    name: 'former-owner-in-step',
    breaks: 'an instance is believed of a partition that the consumer group has given to another',
    edits: [{ find: 'members.get(partition) === answer.member_id', replace: 'members.has(partition)' }],
    tests: overview,
  },
  {
    name: 'old-end-believed',
    breaks: 'what was written since an instance looked is said to be read',
    edits: [
      {
        find: 'Math.max(unread, Number(end - BigInt(next)))',
        replace: 'Math.max(unread, Number(end - BigInt(next)) * 0)',
      },
    ],
    tests: overview,
  },
  {
    name: 'in-step-without-kafka',
    breaks: 'without Kafka the partitions that are known are taken for all',
    edits: [{ find: 'const isKnown = kafka !== null && rows', replace: 'const isKnown = rows' }],
    tests: overview,
  },
  {
    name: 'in-step-while-paused',
    breaks: 'what is paused is said to be in step',
    edits: [{ find: 'isRestInStep(overview) && !isPaused(overview)', replace: 'isRestInStep(overview)' }],
    tests: overview,
  },
  {
    name: 'refused-partition-predicted',
    breaks: 'a time is named in which a refused partition would be in step',
    edits: [
      {
        find: "phase === 'running' || phase === 'catching_up') && unread",
        replace: "phase !== 'restoring') && unread",
      },
    ],
    tests: prediction,
  },
  {
    name: 'lost-window-counted',
    breaks: 'what is left of a window that ends before anything may be sent is counted',
    edits: [
      { find: 'windowAt(allowance.window, Math.max(now, closedUntil))', replace: 'windowAt(allowance.window, now)' },
    ],
    tests: ['test/unit/genesys-allowance.test.ts'],
  },
  {
    name: 'records-are-changes',
    breaks: 'each record that is not read is taken for one change',
    edits: [{ find: 'unread * (lately.records === 0 ? 1 : lately.changes / lately.records)', replace: 'unread * 1' }],
    tests: prediction,
  },
  {
    name: 'asking-keeps-snapshots',
    breaks: 'to ask for the status changes which groups are remembered',
    edits: [{ find: 'this.#lastSeen.peek(keyOf(group))', replace: 'this.#lastSeen.get(keyOf(group))' }],
    tests: ['test/contract/status.test.ts'],
  },
  {
    name: 'paused-not-affected',
    breaks: 'groups that wait for a resume are missing in the list of those whose changes wait',
    edits: [{ find: '      found.pausedGroups.push(group);\n', replace: '' }],
    tests: ['test/contract/status.test.ts'],
  },
  {
    name: 'unread-too-certain',
    breaks: 'records that are not finished count as unread, and the total does not say that it is the most',
    edits: [
      { find: "estimated > 0 && count > 0 ? 'at most ' : ''", replace: "estimated < 0 && count > 0 ? 'at most ' : ''" },
    ],
    tests: ['test/unit/status-text.test.ts'],
  },
  {
    name: 'other-service-believed',
    breaks: 'status and explain take what an instance of another service answers',
    edits: [{ find: 'isSameService(service, wanted) ? null', replace: 'service !== wanted ? null' }],
    tests: ['test/contract/admin-client.test.ts'],
  },
  {
    name: 'service-by-group-alone',
    breaks:
      'an instance that reads another source topic under the same consumer group is taken for one of this service',
    edits: [
      {
        find: 'one.consumer_group === other.consumer_group && one.source_topic === other.source_topic',
        replace: 'one.consumer_group === other.consumer_group',
      },
    ],
    tests: ['test/contract/admin-client.test.ts'],
  },
];
