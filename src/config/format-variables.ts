/** Variables that say how the records of the source topic are read. */
import { formatNames } from '../formats/names.ts';
import { file, initially, oneOf, optional, text } from './variable.ts';

export const formatVariables = {
  SOURCE_FORMAT: initially('native', oneOf(...formatNames), {
    part: 'format',
    about: `Format of the change events: ${formatNames.map((name) => `\`${name}\``).join(', ')}; see docs/formats.md`,
  }),
  DEBEZIUM_GROUP_COLUMN: initially('group_id', text, {
    part: 'format',
    about: 'Debezium: column that holds the group’s id',
  }),
  DEBEZIUM_MEMBER_COLUMN: initially('user_id', text, {
    part: 'format',
    about: 'Debezium: column that holds the member’s id',
  }),
  DEBEZIUM_TABLE: optional(text, {
    part: 'format',
    example: 'user_group_membership',
    about: 'Debezium: table whose rows are memberships; those of others are skipped. Default: the topic has no others',
  }),
  DEBEZIUM_DELETES: initially('rows', oneOf('rows', 'tombstones'), {
    part: 'format',
    about:
      'Debezium: where a deleted row is told. `rows`: in a record of its own, and tombstones are skipped; `tombstones`: only there (flattened records in the default mode)',
  }),
  MAPPING_FILE: file(
    optional(text, {
      part: 'format',
      example: '/etc/rollcall/mapping.json',
      about: 'Mapping of the format `mapping`, JSON',
    }),
  ),
  SCIM_EVENTS_JWKS_FILE: file(
    optional(text, {
      part: 'format',
      example: '/etc/rollcall/jwks.json',
      about: 'Public keys of the sender of SCIM events. Where it is set, events without a signature are refused',
    }),
  ),
  SCIM_EVENTS_ISSUER: optional(text, {
    part: 'format',
    example: 'https://scim.example.com',
    about: 'Issuer that signed SCIM events must name. Default: any',
  }),
  SCIM_EVENTS_AUDIENCE: optional(text, {
    part: 'format',
    example: 'https://scim.example.com/Feeds/98d52461',
    about: 'Audience that signed SCIM events must name. Default: any',
  }),
};
