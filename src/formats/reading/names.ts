/** The names of all formats, as SOURCE_FORMAT and `--format` take them. */
export const formatNames = [
  'native',
  'debezium',
  'okta',
  'keycloak',
  'entra',
  'scim-events',
  'google',
  'auth0',
  'cloudevents',
  'mapping',
  'auto',
] as const;

export type FormatName = (typeof formatNames)[number];
