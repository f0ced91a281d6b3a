/**
 * Room formats: bytes → change events: one file or folder for each source format, which `registry.ts` names.
 * Not here: I/O, time and state.
 *
 * Every source format by its name. All but `native` and `mapping` also read their events in CloudEvents.
 */
import type { SourceFormat } from '../core/change/change.ts';
import { anyCloudEvent, auto, type DetectingFormat, type Known } from './auto.ts';
import { auth0 } from './auth0.ts';
import { cloudEvents } from './cloudevents.ts';
import { debezium, isCloudEvent } from './debezium/debezium.ts';
import type { DebeziumOptions } from './debezium/row.ts';
import { entra } from './entra/entra.ts';
import { google } from './google.ts';
import { keycloak } from './keycloak.ts';
import type { Mapping } from './mapping/file.ts';
import { mappingFormat } from './mapping/mapping.ts';
import type { FormatName } from './reading/names.ts';
import { besideNative, native } from './native/native.ts';
import { okta } from './okta.ts';
import { scimEvents } from './scim/events.ts';
import type { TokenVerifier } from './scim/token-verifier.ts';

export interface FormatOptions {
  readonly debezium: DebeziumOptions;
  /** null: there is none; then `mapping` cannot be had. */
  readonly mapping: Mapping | null;
  /** Of signed SCIM events. */
  readonly verifier: TokenVerifier;
}

/** @throws Error for `mapping` without a mapping: the configuration has let it through. */
export function sourceFormat(name: FormatName, options: FormatOptions): SourceFormat {
  switch (name) {
    case 'native':
      return native;
    case 'mapping':
      if (options.mapping === null) throw new Error('the format `mapping` needs a mapping');
      return mappingFormat(options.mapping);
    case 'cloudevents':
      return anyCloudEvent(knownFormats(options));
    case 'auto':
      return autoFormat(options);
    default:
      return knownFormats(options).formats[name];
  }
}

/**
 * Of the source topic, where native records may stand beside those of the format. Not beside signed ones: who can write to the topic
 * could get around the signature.
 */
export function sourceTopicFormat(name: FormatName, options: FormatOptions): SourceFormat {
  const format = sourceFormat(name, options);
  return name === 'scim-events' && options.verifier.hasKeys ? format : besideNative(format);
}

/** `auto`, which says what it takes a record for. */
export const autoFormat = (options: FormatOptions): DetectingFormat => auto(knownFormats(options));

function knownFormats({ debezium: options, verifier }: FormatOptions): Known {
  const bare = {
    native,
    debezium: debezium(options),
    okta,
    keycloak,
    entra,
    'scim-events': scimEvents(verifier),
    google,
    auth0,
  };
  const formats = {
    native,
    debezium: cloudEvents(bare.debezium, isCloudEvent),
    okta: cloudEvents(okta),
    keycloak: cloudEvents(keycloak),
    entra: cloudEvents(entra),
    'scim-events': cloudEvents(bare['scim-events']),
    google: cloudEvents(google),
    // Its events are CloudEvents themselves.
    auth0: cloudEvents(auth0, () => true),
  };
  return { bare, formats };
}
