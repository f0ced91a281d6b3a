/** Which kinds of fault a run should have seen. */
import type { BrokerFate, TargetFate } from './engine/fault-model.ts';
import type { Scenario } from './scenarios.ts';
import { points } from './script.ts';
import { directedFaults, isDirected } from './scenarios.ts';
import { eventWeights } from './drawn-scenarios.ts';

const brokerFates: Readonly<Record<Exclude<BrokerFate, 'done'>, true>> = {
  slow: true,
  refused: true,
  lost: true,
  answer_lost: true,
  late: true,
};

/** But for what only one directed scenario shows. */
const targetFates: Readonly<Record<Exclude<TargetFate, 'answered' | 'ignored'>, true>> = {
  slow: true,
  lost: true,
  answer_lost: true,
  late: true,
  reset_before: true,
  reset_after: true,
  error_before: true,
  error_after: true,
  error_late: true,
  throttled: true,
  garbage_before: true,
  garbage_after: true,
  garbage_late: true,
};

/** Where others change groups. */
const undos = ['add', 'remove', 'none'].map((kind) => `undo: ${kind}`);
const diffs = ['undone', 'foreign', 'pending', 'missing', 'extra'].map((kind) => `diff: ${kind}`);

/** Names as in the counts of a history. */
function faultsOf(played: readonly Scenario[]): readonly string[] {
  const kinds = new Set<string>(played.flatMap((name) => (isDirected(name) ? [] : Object.keys(eventWeights[name]))));
  return [
    ...new Set(played.flatMap((name) => (isDirected(name) ? directedFaults[name] : []))),
    ...[...kinds].map((kind) => `event: ${kind}`),
    ...(kinds.has('broker') ? Object.keys(brokerFates).map((fate) => `broker: ${fate}`) : []),
    ...(kinds.has('target') ? Object.keys(targetFates).map((fate) => `target: ${fate}`) : []),
    ...(kinds.has('cut') ? ['broker: cut off', 'target: cut off'] : []),
    ...(kinds.has('kill') || kinds.has('freeze') ? points.map((point) => `struck at: ${point}`) : []),
    ...(kinds.has('kill') ? ['process: killed'] : []),
    ...(kinds.has('stop') ? ['process: drained'] : []),
    ...(kinds.has('freeze') ? ['process: frozen'] : []),
    ...(kinds.has('replay') ? ['operator: woken'] : []),
    ...(kinds.has('approve') ? ['operator: approves a part'] : []),
    ...(kinds.has('reject') ? ['operator: rejects a part'] : []),
    ...(played.includes('compared') ? ['missing', 'extra', 'undone'].map((kind) => `compared: ${kind}`) : []),
    ...(played.includes('turns') ? [...diffs, ...undos] : []),
  ];
}

export const neverFired = (counts: ReadonlyMap<string, number>, played: readonly Scenario[]): readonly string[] =>
  faultsOf(played).filter((fault) => !counts.has(fault));
