/** The state of a pipeline that has not begun. */
import { Heap } from './heap.ts';
import { ReadyQueue } from './ready-queue.ts';
import type { State } from './state.ts';
import { Unsettled } from './unsettled.ts';

export const newState = (): State => ({
  partitions: new Map(),
  memberId: null,
  partitionCount: 0,
  generation: null,
  isHalted: true,
  joiningAt: null,
  leaseFrom: null,
  isDraining: false,
  isIntakePaused: false,
  ready: new ReadyQueue(),
  waiting: new Heap(),
  locks: new Set(),
  requestsInFlight: 0,
  outbox: new Set(),
  unsettled: new Unsettled(),
  lookUps: new Map(),
  lookUpsInFlight: 0,
  counts: {
    conflicts: 0,
    skipped: {},
    possibleLosses: 0,
    outsideLease: 0,
    refusedRequests: {},
    requests: {},
    reports: {},
  },
});
