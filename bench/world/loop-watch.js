// Loaded before a program (`node --import`): notes how long the event loop was blocked at the longest, in ms, in the first second, in
// which the program is loaded, and afterwards; writes both as JSON to the file LOOP_WATCH_FILE when the process ends. Where others
// use the machine too, a wait for a processor is no block: of the time between two ticks only what the process has spent counts.
import { writeFileSync } from 'node:fs';

const TICK_MS = 10;
const LOADING_MS = 1_000;
const longest = { loading: 0, running: 0 };
const beganAt = performance.now();
let last = beganAt;
let spent = process.cpuUsage();

const timer = setInterval(() => {
  const now = performance.now();
  const { user, system } = process.cpuUsage(spent);
  const phase = last - beganAt < LOADING_MS ? 'loading' : 'running';
  longest[phase] = Math.max(longest[phase], Math.min(now - last - TICK_MS, (user + system) / 1000));
  last = now;
  spent = process.cpuUsage();
}, TICK_MS);
timer.unref();

process.on('exit', () => writeFileSync(process.env.LOOP_WATCH_FILE, JSON.stringify(longest)));
