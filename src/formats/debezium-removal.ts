/** Values of columns that say that something was taken away, whatever the column is called. */

const LENGTH_MAX = 64;

/** What was done, alone or beside whom and how. */
const VERB =
  'delet(?:e|ed|es|ing|ion)|remov(?:e|ed|es|ing|al)|destroy(?:ed)?|revok(?:e|ed)|revocation|unassign(?:ed)?|unsubscrib(?:e|ed)|unenrol(?:l|led)?|' +
  'disenroll(?:ed)?|unlink(?:ed)?|unjoin(?:ed)?|leave|leaving|kick(?:ed)?|ban(?:ned)?|expel(?:led)?|expulsion|evict(?:ed)?|purged?|dropped|drop|terminated?|termination|' +
  'deactivated?|deprovision(?:ed)?|offboard(?:ed)?|detach(?:ed)?|withdraw(?:n|al)?|resign(?:ed)?|exclu(?:de|ded|sion)|suspend(?:ed)?|reject(?:ed|ion)?|declined?|erased?|truncated?';
const BESIDE =
  'memberships?|members?|users?|groups?|teams?|rows?|records?|accounts?|roles?|from|of|to|the|by|self|admin|owner|system|auto|automatic|bulk|soft|hard|logical(?:ly)?|manual(?:ly)?|was|is|been|has';
/** All of it is understood: `Do not delete` and `Terminated employees` are no removals. */
const REMOVAL = new RegExp(`^\\s*(?:(?:${BESIDE})[\\W_]*)*(?:${VERB})(?:[\\W_]*(?:${BESIDE}))*\\s*$`, 'i');
/** The text of a statement, as an audit has it. */
const STATEMENT = /^\s*delete\s+from\s/i;

/** Types and codes are short, and a table has few of them; no statement is. */
const SHORT = 12;
const KEPT_MAX = 1_000;
const known = new Map<string, boolean>();

/** `DELETE`, `membership_removed`, `remove user from group`. */
export function isRemoval(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  if (value.length > SHORT) return (value.length <= LENGTH_MAX && REMOVAL.test(value)) || STATEMENT.test(value);
  const present = known.get(value);
  if (present !== undefined) return present;
  const answer = REMOVAL.test(value);
  if (known.size >= KEPT_MAX) known.clear();
  known.set(value, answer);
  return answer;
}

/** Of columns that are known to speak of changes: elsewhere D is a grade, DEL a city, and left a side. */
export const isRemovalOrCode = (value: unknown): boolean =>
  isRemoval(value) || (typeof value === 'string' && value.length <= LENGTH_MAX && CODE.test(value.trim()));
const CODE = /^(?:d|-d|del|dl|rm|rmv|rem|left|exit|exited|out|terminal)$/i;

/** Not what is null, nor a time or a name that stands there. */
export const saysNo = (value: unknown): boolean =>
  value === false || value === 0 || (typeof value === 'string' && NO.test(value.trim()));
const NO = /^(?:0|f|n|no|false)$/i;
