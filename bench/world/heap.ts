/** The heap of this process, without garbage. */
import v8 from 'node:v8';
import vm from 'node:vm';
import { systemClock } from '../../src/adapters/system.ts';
import { pause } from '../../src/time.ts';

v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc') as () => void;

export async function heapMib(): Promise<number> {
  for (let i = 0; i < 2; i += 1) {
    collect();
    await pause(systemClock, 10);
  }
  return process.memoryUsage().heapUsed / 2 ** 20;
}
