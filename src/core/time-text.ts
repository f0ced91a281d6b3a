/** Times as they are written: RFC 3339 in UTC. */

/** RFC 3339 has four digits for the year. */
const TIME_MAX = Date.parse('9999-12-31T23:59:59.999Z');

/** Total: a time that cannot be written becomes the nearest one that can, since records may hold any number. */
export const timeText = (epochMs: number): string => {
  const within = Number.isNaN(epochMs) ? 0 : Math.min(Math.max(epochMs, 0), TIME_MAX);
  return new Date(within).toISOString();
};
