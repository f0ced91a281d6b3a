/** All mutants. */
import { breakerMutants } from './catalogue-breaker.ts';
import { deadMutants } from './catalogue-dead.ts';
import { driftMutants } from './catalogue-drift.ts';
import { edgeMutants } from './catalogue-edges.ts';
import { explainMutants } from './catalogue-explain.ts';
import { planMutants } from './catalogue-plan.ts';
import { statusMutants } from './catalogue-status.ts';
import { figureMutants } from './catalogue-figures.ts';
import { flightMutants } from './catalogue-flight.ts';
import { guardMutants } from './catalogue-guard.ts';
import { logMutants } from './catalogue-log.ts';
import { memoryMutants } from './catalogue-memory.ts';
import { momentMutants } from './catalogue-moments.ts';
import { nameMutants } from './catalogue-names.ts';
import { noticeMutants } from './catalogue-notices.ts';
import { pauseMutants } from './catalogue-pauses.ts';
import { pieceMutants } from './catalogue-pieces.ts';
import { operatorMutants } from './catalogue-operators.ts';
import { ownershipMutants } from './catalogue-ownership.ts';
import { reportMutants } from './catalogue-report.ts';
import { settleMutants } from './catalogue-settle.ts';
import { shadowMutants } from './catalogue-shadow.ts';
import { sourceMutants } from './catalogue-source.ts';
import { targetMutants } from './catalogue-target.ts';
import { waitMutants } from './catalogue-waits.ts';
import { undoMutants } from './catalogue-undo.ts';
import type { Mutant } from './mutant.ts';

export const mutants: readonly Mutant[] = [
  ...flightMutants,
  ...breakerMutants,
  ...guardMutants,
  ...ownershipMutants,
  ...memoryMutants,
  ...logMutants,
  ...momentMutants,
  ...settleMutants,
  ...deadMutants,
  ...sourceMutants,
  ...targetMutants,
  ...waitMutants,
  ...nameMutants,
  ...pieceMutants,
  ...figureMutants,
  ...edgeMutants,
  ...explainMutants,
  ...driftMutants,
  ...undoMutants,
  ...planMutants,
  ...statusMutants,
  ...pauseMutants,
  ...noticeMutants,
  ...shadowMutants,
  ...reportMutants,
  ...operatorMutants,
];
