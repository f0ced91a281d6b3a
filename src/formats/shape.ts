/**
 * Which format a JSON value has, told by the fields that only this format has. Strict, since what is taken for the wrong
 * format is misread: where none fits, the answer is null.
 */
import { isMarked } from './debezium-flat.ts';
import { isCloudEvent as isDebeziumCloudEvent } from './debezium-cloud-event.ts';
import { isEnvelope } from './debezium-envelope.ts';
import { fieldsIn, type Fields, isFields, textIn } from './reading.ts';
import { withoutEventBridge } from './several.ts';

export type Shape = 'native' | 'debezium' | 'okta' | 'keycloak' | 'entra' | 'scim-events' | 'google' | 'auth0';

/** Lists and pages are what their first entry is. What unusual fields say comes before what usual ones say. */
export function shapeOf(json: unknown): Shape | null {
  const fields = withoutEventBridge(Array.isArray(json) ? json[0] : json);
  if (!isFields(fields)) return null;
  if (isDebezium(fields)) return 'debezium';
  if (isAuth0(fields)) return 'auth0';
  if (isOkta(fields)) return 'okta';
  if (isScim(fields)) return 'scim-events';
  if (isGoogle(fields)) return 'google';
  if (isEntra(fields)) return 'entra';
  if (isKeycloak(fields)) return 'keycloak';
  return isNative(fields) ? 'native' : null;
}

function isDebezium(fields: Fields): boolean {
  if ('schema' in fields && 'payload' in fields) return true;
  return isEnvelope(fields) || isMarked(fields) || isDebeziumCloudEvent(fields);
}

function isAuth0(fields: Fields): boolean {
  const event = isFields(fields['event']) && 'offset' in fields ? fields['event'] : fields;
  if (!('specversion' in event)) return false;
  const object = fieldsIn(event['data'])['object'];
  return (
    'a0tenant' in event ||
    (isFields(object) && /^(?:group|user|organization|connection)\./.test(textIn(event['type']) ?? ''))
  );
}

function isOkta(fields: Fields): boolean {
  if (fields['eventType'] === 'com.okta.event_hook') return true;
  return (
    typeof fields['eventType'] === 'string' &&
    ('target' in fields || 'legacyEventType' in fields || 'published' in fields)
  );
}

const isScim = (fields: Fields): boolean =>
  isFields(fields['sets']) ||
  (isFields(fields['events']) && ('jti' in fields || 'sub_id' in fields || 'iss' in fields));

function isGoogle(fields: Fields): boolean {
  if (textIn(fields['kind'])?.startsWith('admin#reports#') === true) return true;
  if (isFields(fields['protoPayload'])) return true;
  return 'applicationName' in fieldsIn(fields['id']) && 'events' in fields;
}

function isEntra(fields: Fields): boolean {
  if (ENTRA_NAMES.some((name) => name in fields) || isAudit(fields) || isNotification(fields)) return true;
  const entries = Array.isArray(fields['records']) ? fields['records'] : fields['value'];
  if (!Array.isArray(entries)) return false;
  return entries.some((entry) => isFields(entry) && (isAudit(entry) || isNotification(entry) || '@removed' in entry));
}

const ENTRA_NAMES = [
  '@odata.context',
  '@odata.type',
  '@odata.id',
  '@odata.nextLink',
  '@odata.deltaLink',
  '@removed',
  'members@delta',
  'owners@delta',
] as const;

const isAudit = (fields: Fields): boolean =>
  'targetResources' in fields ||
  fields['category'] === 'AuditLogs' ||
  'targetResources' in fieldsIn(fields['properties']);

const isNotification = (fields: Fields): boolean =>
  'subscriptionId' in fields && ('changeType' in fields || 'lifecycleEvent' in fields);

function isKeycloak(fields: Fields): boolean {
  if ('resourcePath' in fields && ('operationType' in fields || 'type' in fields)) return true;
  return 'realmId' in fields && typeof fields['type'] === 'string';
}

const NATIVE_LISTS = ['add_members', 'added', 'remove_members', 'removed', 'members', 'complete', 'deleted'] as const;

const isNative = (fields: Fields): boolean =>
  ('group_id' in fields || 'genesys_group_id' in fields) && NATIVE_LISTS.some((name) => name in fields);

/** Of a CloudEvent that a format reads with its envelope. */
export function shapeOfEnvelope(envelope: Fields): 'debezium' | 'auth0' | null {
  if (isDebeziumCloudEvent(envelope)) return 'debezium';
  return isAuth0(envelope) ? 'auth0' : null;
}
