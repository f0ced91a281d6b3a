// The longest block of the event loop. Where others use the machine too, a wait for a processor is no block: of the time between
// two ticks only what the process has spent on a processor counts.
//
// Plain JavaScript, so that `node --import` loads it into a built program without a loader. There the environment variable
// LOOP_WATCH_FILE names the file that gets, when the process ends, the longest block in the first second, in which the program is
// loaded, and the longest afterwards, as JSON.
import { writeFileSync } from 'node:fs';

const TICK_MS = 10;
const LOADING_MS = 1_000;

/** Starts to watch. */
export function watchLoop() {
  let longestMs = 0;
  let last = performance.now();
  let spent = process.cpuUsage();
  const tick = () => {
    const now = performance.now();
    const { user, system } = process.cpuUsage(spent);
    longestMs = Math.max(longestMs, Math.min(now - last - TICK_MS, (user + system) / 1_000));
    last = now;
    spent = process.cpuUsage();
  };
  const timer = setInterval(tick, TICK_MS);
  timer.unref();
  return {
    takeLongestMs: () => {
      tick();
      const taken = longestMs;
      longestMs = 0;
      return taken;
    },
    stop: () => clearInterval(timer),
  };
}

if (process.env.LOOP_WATCH_FILE !== undefined) {
  const watch = watchLoop();
  let loading = null;
  setTimeout(() => (loading = watch.takeLongestMs()), LOADING_MS).unref();
  process.on('exit', () => {
    loading ??= watch.takeLongestMs();
    writeFileSync(process.env.LOOP_WATCH_FILE, JSON.stringify({ loading, running: watch.takeLongestMs() }));
  });
}
