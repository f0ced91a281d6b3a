/** Makes a history that breaks a promise small: events are left out as long as it still breaks. */
import type { Plan } from './history.ts';

/** @returns a plan of which no single event can be left out. @throws where the whole plan does not break. */
export async function shrink(plan: Plan, breaks: (smaller: Plan) => Promise<boolean>): Promise<Plan> {
  if (!(await breaks(plan))) throw new Error(`seed ${plan.seed} breaks no promise`);
  let smallest = plan;
  let size = Math.ceil(plan.events.length / 2);
  for (;;) {
    const smaller = await withoutRuns(smallest, size, breaks);
    const isDone = size === 1 && smaller === smallest;
    smallest = smaller;
    if (isDone) return smallest;
    size = Math.max(1, Math.floor(size / 2));
  }
}

/** Leaves out every run of so many events that is not needed. */
async function withoutRuns(plan: Plan, size: number, breaks: (smaller: Plan) => Promise<boolean>): Promise<Plan> {
  let smallest = plan;
  for (let from = 0; from < smallest.events.length;) {
    const events = smallest.events.toSpliced(from, size);
    if (await breaks({ ...plan, events })) smallest = { ...plan, events };
    else from += size;
  }
  return smallest;
}
