// The sandbox's own endpoints under /sandbox/, for another process that plays with it: read state back, set faults.
// They answer while the sandbox is down. Bodies must be application/json, so that no web page can post here unasked.
import { z } from 'zod';
import { jsonAnswer, type SandboxAnswer } from './answer.ts';
import { behaviourSchema, type Behaviour } from './behaviour.ts';
import { ruleSchema, type FaultRule, type RuleCount } from './faults.ts';
import { userFields, type Group, type NewGroup, type NewUser } from './directory.ts';
import type { SandboxStats } from './journal.ts';
import { denialSchema, type Denial } from './access.ts';
import { decode } from './request.ts';

/** What can be done from another process; the sandbox itself has these. */
export type Controls = Readonly<{
  findGroup: (id: string) => Group | null;
  putGroup: (group: NewGroup) => void;
  deleteGroup: (id: string) => void;
  putUser: (user: NewUser) => void;
  deleteUser: (id: string) => void;
  stats: SandboxStats;
  addRule: (rule: FaultRule) => string;
  clearRules: () => void;
  ruleCounts: () => readonly RuleCount[];
  deny: (denial: Denial) => void;
  allow: (group?: string) => void;
  refuseClient: (description: string | null) => void;
  revokeTokens: () => void;
  behave: (changes: Partial<Behaviour>) => void;
  goDown: () => Promise<void>;
  goUp: () => Promise<void>;
}>;

export type ControlRequest = Readonly<{
  method: string;
  path: string;
  contentType: string;
  body: string;
}>;
type Action = (controls: Controls, body: unknown, id: string) => unknown;

export function isControlPath(path: string): boolean {
  return path.startsWith('/sandbox/');
}

export async function handleControl(controls: Controls, request: ControlRequest): Promise<SandboxAnswer> {
  const [, , name = '', rawId] = request.path.split('/', 4);
  const id = rawId === undefined ? '' : decode(rawId);
  const action = id === null ? undefined : ACTIONS[`${request.method} ${name}${rawId === undefined ? '' : '/id'}`];
  if (!action || id === null) return jsonAnswer(404, { error: 'no such endpoint', endpoints: Object.keys(ACTIONS) });
  if (request.method !== 'GET' && !request.contentType.startsWith('application/json')) {
    return jsonAnswer(415, { error: 'Content-Type must be application/json' });
  }
  try {
    const body: unknown = request.body === '' ? {} : JSON.parse(request.body);
    const value = await action(controls, body, id);
    return value === null
      ? jsonAnswer(404, { error: `there is no ${name}/${id}` })
      : jsonAnswer(200, value ?? { ok: true });
  } catch (error) {
    if (error instanceof z.ZodError) return jsonAnswer(400, { error: z.prettifyError(error) });
    if (error instanceof SyntaxError) return jsonAnswer(400, { error: `not JSON: ${error.message}` });
    throw error;
  }
}

const groupBody = z.strictObject({
  displayName: z.string().min(1).optional(),
  members: z.array(z.string().min(1)).optional(),
  nested: z.array(z.string().min(1)).optional(),
  version: z.int().min(1).optional(),
});
const userBody = z.strictObject(userFields);

const ACTIONS: Readonly<Record<string, Action>> = {
  'GET groups/id': (controls, _, id) => {
    const group = controls.findGroup(id);
    return (
      group && {
        id,
        displayName: group.displayName,
        version: String(group.version),
        members: [...group.members],
      }
    );
  },
  'PUT groups/id': (controls, body, id) => controls.putGroup({ id, ...groupBody.parse(body) }),
  'DELETE groups/id': (controls, _, id) => controls.deleteGroup(id),
  'PUT users/id': (controls, body, id) => controls.putUser({ id, ...userBody.parse(body) }),
  'DELETE users/id': (controls, _, id) => controls.deleteUser(id),
  'GET stats': (controls) => controls.stats,
  'GET faults': (controls) => ({ rules: controls.ruleCounts() }),
  'POST faults': (controls, body) => {
    const rules = Array.isArray(body) ? z.array(ruleSchema).parse(body) : [ruleSchema.parse(body)];
    return { ids: rules.map((rule) => controls.addRule(rule)) };
  },
  'DELETE faults': (controls) => controls.clearRules(),
  'POST deny': (controls, body) => controls.deny(denialSchema.parse(body)),
  'POST allow': (controls, body) => controls.allow(z.strictObject({ group: z.string().optional() }).parse(body).group),
  'POST client': (controls, body) =>
    controls.refuseClient(z.strictObject({ refused: z.string().nullable() }).parse(body).refused),
  'POST revoke': (controls) => controls.revokeTokens(),
  'POST behaviour': (controls, body) => controls.behave(defined(behaviourSchema.partial().parse(body))),
  'POST down': (controls) => controls.goDown(),
  'POST up': (controls) => controls.goUp(),
};

function defined(changes: z.output<ReturnType<typeof behaviourSchema.partial>>): Partial<Behaviour> {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}
