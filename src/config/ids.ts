/** The id map: what users and groups of the identity provider are called in Genesys Cloud. */
import type { IdSource } from '../adapters/ids/create.ts';
import { z } from 'zod';
import { problem } from './problem.ts';
import { topicNames, type TopicValues } from './service.ts';
import { asRead, type Given, initially, oneOf, part, topicName } from './variable.ts';

const FORMS = 'must be none, scim, file:PATH or topic:NAME';

const idSource: z.ZodType<IdSource, string> = z.string().transform((value, { addIssue }) => {
  const source = sourceOf(value);
  if (typeof source !== 'string') return source;
  addIssue(source);
  return z.NEVER;
});

/** @returns the source, or what the value must be. */
function sourceOf(value: string): IdSource | string {
  if (value === 'none' || value === 'scim') return { kind: value };
  const [, kind, name = ''] = /^(file|topic):(.+)$/.exec(value) ?? [];
  if (kind === 'file') return { kind, path: name };
  if (kind !== 'topic') return FORMS;
  const topic = topicName.safeParse(name);
  return topic.success ? { kind, topic: name } : `${FORMS}; NAME ${topic.error.issues[0]?.message ?? 'is wrong'}`;
}

const options = {
  source: initially('ID_MAP', 'none', idSource, {
    about:
      'How ids of the source become ids of Genesys Cloud: `none` (they are such ids), `file:PATH` (CSV or NDJSON), `topic:NAME` (a compacted topic), `scim` (Genesys Cloud is asked)',
  }),
  userAttribute: initially('ID_MAP_USER_ATTRIBUTE', 'externalId', oneOf('externalId', 'userName', 'email'), {
    about: 'What `scim` finds users by: `externalId`, `userName` or `email`',
  }),
  groupAttribute: initially('ID_MAP_GROUP_ATTRIBUTE', 'displayName', oneOf('displayName', 'id'), {
    about: 'What `scim` finds groups by: `displayName`, or `id` (the source names groups by their Genesys Cloud id)',
  }),
};

export const ids = part({
  title: 'Ids',
  options,
  make: asRead,
  rules: ({ ID_MAP: source, ...values }: Given<typeof options> & TopicValues) => {
    if (source?.kind !== 'topic') return [];
    const twin = topicNames.find((name) => values[name] === source.topic);
    const text = `must not name the topic of ${twin}: its records are no ids`;
    return twin === undefined ? [] : [problem('ID_MAP', text, 'topic:rollcall.ids')];
  },
});
