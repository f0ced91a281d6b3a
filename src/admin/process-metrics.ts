/** Figures of the process: memory, CPU, event loop, garbage collection, and which build it is. One registry for the process. */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { packageVersion } from '../version.ts';

let registry: Registry | null = null;

export function processMetrics(): Promise<string> {
  registry ??= newRegistry();
  return registry.metrics();
}

function newRegistry(): Registry {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const labels = { version: packageVersion(), node: process.versions.node };
  const name = 'rollcall_build_info';
  const help = 'The version of Rollcall and of Node.js; always 1';
  new Gauge({ name, help, labelNames: Object.keys(labels), registers: [register] }).set(labels, 1);
  return register;
}
