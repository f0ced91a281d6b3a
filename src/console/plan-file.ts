/**
 * A plan in a file (docs/reference.md): lines of JSON. The first says what it was made of, one for each group has its requests and the
 * changes that they are of, the last has the SHA-256 of all lines before it, which shows damage. It names who is in which group, and no
 * secret.
 */
import { z } from 'zod';
import type { AppendedFile } from '../adapters/private-file.ts';
import { RunningSha256 } from '../adapters/system.ts';
import type { Config } from '../config/config.ts';
import { OFFSET_PATTERN, offsetText, sourceMember } from '../core/change/change.ts';
import type { GuardLimits } from '../core/group/guard.ts';
import { wireId } from '../core/log/wire-intent.ts';
import { groupPath } from '../core/target/snapshot.ts';
import { visible } from '../core/text/visible.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import { readJson } from '../formats/reading/reading.ts';
import type { CommandContext } from './command-context.ts';
import { readLines } from './file-source.ts';
import type { PlannedGroup } from './planning.ts';

const VERSION = 1;

const count = z.int().min(0);
const resolution = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('found'), id: wireId, isActive: z.boolean() }),
  z.object({ kind: z.enum(['missing', 'unmapped', 'ambiguous']) }),
  z.object({ kind: z.literal('shared'), first: z.string().optional() }),
  z.object({ kind: z.literal('renamed'), id: wireId, displayName: z.string(), shown: z.string() }),
]);

const Header = z.object({
  rollcall_plan: z.literal(VERSION),
  made_at: z.string(),
  /** The API that the requests go to. */
  target: z.string(),
  /** Of the OAuth client, which names the organisation. */
  client_id: z.string(),
  public_api_url: z.string(),
  members_per_patch_max: z.int().min(1),
  guard: z.object({
    groupPercent: count,
    groupFloor: count,
    groupCount: count,
    windowCount: count,
    windowMs: count,
  }),
  format: z.string(),
  input: z.object({ file: z.string(), sha256: z.string() }),
  /** Lines of the input that hold no change. */
  invalid: count,
});

const request = z.object({
  method: z.literal('PATCH'),
  path: z.string(),
  if_match: z.string().nullable(),
  /** Read as a text: it is compared byte for byte. */
  body: z.looseObject({}).transform((body) => JSON.stringify(body)),
});

const change = z.object({
  op: z.enum(['add', 'remove', 'state']),
  at: z.string().regex(OFFSET_PATTERN),
  /** Absent: a full state. */
  member: wireId.optional(),
  members: z.array(wireId).optional(),
  deleted: z.boolean().optional(),
});

/** A line of a group. */
export const GroupLine = z.object({
  group: wireId,
  /** null: it has no known name at the target. */
  target: wireId.nullable(),
  etag: z.string().nullable(),
  requests: z.array(request),
  changes: z.array(change),
  /** null: there is no id map. */
  ids: z.object({ group: resolution, members: z.array(z.tuple([wireId, resolution])) }).nullable(),
  held: z.object({ digest: z.string(), requests: z.array(request) }).nullable(),
});

const LastLine = z.object({ groups: count, requests: count, sha256: z.string() });

type PlanHeader = z.infer<typeof Header>;
export type PlanGroup = z.infer<typeof GroupLine>;
export type PlanChange = z.infer<typeof change>;

export interface PlanFile {
  readonly header: PlanHeader;
  readonly groups: readonly PlanGroup[];
}

/** What the header says besides. */
export interface PlanInput extends Pick<PlanHeader, 'format' | 'input' | 'invalid'> {
  /** Epoch ms. */
  readonly now: number;
}

/** Written line by line, so that a plan of any length needs no more memory than its largest group. */
export class PlanWriter {
  readonly #file: Pick<AppendedFile, 'append'>;
  readonly #hash = new RunningSha256();
  #groupCount = 0;
  #requestCount = 0;

  /** @param file one that is empty. */
  constructor(file: Pick<AppendedFile, 'append'>) {
    this.#file = file;
  }

  /** The first line. */
  async begin({ genesys, pipeline }: Config<'genesys' | 'pipeline'>, input: PlanInput): Promise<void> {
    const header: PlanHeader = {
      rollcall_plan: VERSION,
      made_at: new Date(input.now).toISOString(),
      target: genesys.apiUrl,
      client_id: genesys.clientId,
      public_api_url: genesys.publicApiUrl,
      members_per_patch_max: pipeline.membersPerPatchMax,
      guard: pipeline.guard,
      format: input.format,
      input: input.input,
      invalid: input.invalid,
    };
    await this.#write(header);
  }

  async write(planned: PlannedGroup): Promise<void> {
    this.#groupCount += 1;
    this.#requestCount += planned.plan.requests.length;
    await this.#write(planGroupLine(planned));
  }

  /** Without its last line the file is no plan. */
  async end(): Promise<void> {
    const sha256 = this.#hash.digest;
    await this.#write({ groups: this.#groupCount, requests: this.#requestCount, sha256 });
  }

  async #write(value: object): Promise<void> {
    const line = `${JSON.stringify(value)}\n`;
    this.#hash.update(line);
    await this.#file.append(line);
  }
}

type Settings = Pick<Config<'genesys' | 'pipeline'>, 'genesys' | 'pipeline'>;

/**
 * Requests are cut as in the plan; of the plan's guard and the configuration's each limit is the stricter one, so that neither lets
 * pass what the other would hold.
 * @throws ExitError (usage) where it is of another target.
 */
export function settingsOf(header: PlanHeader, { genesys, pipeline }: Settings, path: string): Settings {
  const [planned, configured] = [
    targetText(header.target, header.client_id, header.public_api_url),
    targetText(genesys.apiUrl, genesys.clientId, genesys.publicApiUrl),
  ];
  if (planned !== configured)
    throw new ExitError(
      EXIT.usage,
      `apply --plan ${path}: it was made for ${planned}, and the configuration names ${configured}; nothing was sent\n  Correct GENESYS_DOMAIN, GENESYS_API_URL or GENESYS_CLIENT_ID, or make a new plan.`,
    );
  const guard = stricterOf(header.guard, pipeline.guard);
  return { genesys, pipeline: { ...pipeline, membersPerPatchMax: header.members_per_patch_max, guard } };
}

const targetText = (apiUrl: string, clientId: string, publicApiUrl: string): string =>
  `${apiUrl} (client ${clientId}, region ${publicApiUrl})`;

const stricterOf = (one: GuardLimits, other: GuardLimits): GuardLimits => ({
  groupPercent: Math.min(one.groupPercent, other.groupPercent),
  groupFloor: Math.min(one.groupFloor, other.groupFloor),
  groupCount: Math.min(one.groupCount, other.groupCount),
  windowCount: Math.min(one.windowCount, other.windowCount),
  // What was removed counts for longer.
  windowMs: Math.max(one.windowMs, other.windowMs),
});

export function planGroupLine({ wanted, names, group, plan }: PlannedGroup): z.input<typeof GroupLine> {
  const members = 'failure' in names ? [] : [...names.members];
  return {
    group: wanted.group,
    target: 'failure' in names ? null : names.group,
    etag: plan.etag,
    requests: plan.requests.map((each) => ({ ...each, body: { ...each.body } })),
    changes: [...wanted.intents.values()].map((intent) => {
      const { op, whole, source } = intent;
      const at = offsetText(source);
      return whole === null
        ? { op, at, member: sourceMember(intent) }
        : { op, at, members: [...whole.members], deleted: whole.deleted };
    }),
    ids: group && { group, members },
    held: plan.held && {
      digest: plan.held.digest,
      requests: plan.held.requests.map((each) => ({ ...each, body: { ...each.body } })),
    },
  };
}

const DAMAGED = 'it is damaged, or cut';

/** What a plan never says of a group; null: nothing. @param targets of the groups before it; takes this one's. */
function contradictionIn({ group, target, etag, requests, held }: PlanGroup, targets: Set<string>): string | null {
  const all = [...requests, ...(held?.requests ?? [])];
  if (target === null) return all.length === 0 ? null : `group ${visible(group)} has requests and no target`;
  if (targets.has(target)) return `two groups have the target ${visible(target)}`;
  targets.add(target);
  if (all.some(({ path }) => path !== groupPath(target)))
    return `a request of group ${visible(group)} names another group`;
  const isOfVersion = all.every((each, at) => each.if_match === (at === 0 ? etag : null));
  return isOfVersion ? null : `a request of group ${visible(group)} is of another version than the group`;
}

/** @throws ExitError (usage) where it is no plan, or is damaged or cut: its SHA-256 has no key, so that it proves no more. */
export async function readPlanFile(path: string, context: Pick<CommandContext, 'stdin'>): Promise<PlanFile> {
  const refuse = (why: string): ExitError =>
    new ExitError(EXIT.usage, `apply --plan ${path}: ${why}; nothing was sent\n  Make a new one with \`plan --out\`.`);
  const hash = new RunningSha256();
  const groups: PlanGroup[] = [];
  let header: PlanHeader | null = null;
  let held: Uint8Array | null = null;
  const targets = new Set<string>();
  const takeLine = (bytes: Uint8Array): void => {
    hash.update(bytes);
    hash.update('\n');
    const json = jsonOf(bytes);
    if (header === null) {
      const read = Header.safeParse(json);
      if (!read.success) throw refuse('it is no plan of this version of Rollcall');
      header = read.data;
      return;
    }
    const read = GroupLine.safeParse(json);
    if (!read.success) throw refuse(DAMAGED);
    const wrong = contradictionIn(read.data, targets);
    if (wrong !== null) throw refuse(`${DAMAGED}: ${wrong}`);
    groups.push(read.data);
  };
  for await (const { bytes } of readLines(path, context)) {
    // The last line is not one of a group.
    if (held !== null) takeLine(held);
    held = bytes ?? new Uint8Array();
  }
  const last = LastLine.safeParse(held === null ? null : jsonOf(held));
  if (header === null || !last.success)
    throw refuse(held === null ? 'it is empty' : 'its last line is missing: it is no plan, or is cut');
  if (last.data.sha256 !== hash.digest || last.data.groups !== groups.length) throw refuse(DAMAGED);
  return { header, groups };
}

function jsonOf(bytes: Uint8Array): unknown {
  const read = readJson(bytes);
  return read.ok ? read.json : null;
}
