/** The source format that the configuration names, with the keys that it verifies signatures with. */
import { readTokenVerifier } from '../adapters/tokens.ts';
import type { FormatConfig } from '../config/format-part.ts';
import type { SourceFormat } from '../core/change.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { FormatName } from '../formats/names.ts';
import { type FormatOptions, sourceFormat, sourceTopicFormat } from '../formats/registry.ts';
import { type TokenVerifier, withoutKeys } from '../formats/token-verifier.ts';

/** @param name another format than SOURCE_FORMAT. @throws ExitError (78) where the key set cannot be used. */
export async function openFormat(config: FormatConfig, name: FormatName = config.name): Promise<SourceFormat> {
  return sourceFormat(name, await formatOptions(config));
}

/** Of the source topic. @throws as `openFormat`. */
export async function openSourceTopicFormat(config: FormatConfig): Promise<SourceFormat> {
  return sourceTopicFormat(config.name, await formatOptions(config));
}

export async function formatOptions(config: FormatConfig): Promise<FormatOptions> {
  const { debezium, mapping } = config;
  return { debezium, mapping, verifier: await verifierOf(config) };
}

async function verifierOf({ scimKeys }: FormatConfig): Promise<TokenVerifier> {
  if (scimKeys === null) return withoutKeys;
  try {
    return await readTokenVerifier(scimKeys.file, scimKeys);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ExitError(EXIT.configuration, `SCIM_EVENTS_JWKS_FILE: ${why}`, { cause });
  }
}
