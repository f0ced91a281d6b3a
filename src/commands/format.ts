/** The source format that the configuration names, with the keys that it verifies signatures with. */
import { Option } from 'commander';
import { KeySetFile, type KeySetSurroundings } from '../adapters/key-set-file.ts';
import { systemClock } from '../adapters/system.ts';
import type { FormatConfig } from '../config/format-part.ts';
import type { SourceFormat } from '../core/change.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import { type FormatName, formatNames } from '../formats/names.ts';
import { type FormatOptions, sourceFormat, sourceTopicFormat } from '../formats/registry.ts';
import { type TokenVerifier, withoutKeys } from '../formats/token-verifier.ts';
import type { Host } from './host.ts';

export interface FormatFlags {
  readonly format?: FormatName;
  readonly mapping?: string;
}

export const formatOption = (): Option =>
  new Option('--format <name>', 'instead of SOURCE_FORMAT').choices(formatNames);

/** What the command line says stands before the environment. */
export const withFormat = (
  environment: Host['environment'],
  { format, mapping }: FormatFlags,
): Host['environment'] => ({
  ...environment,
  ...(format !== undefined && { SOURCE_FORMAT: format }),
  ...(mapping !== undefined && { MAPPING_FILE: mapping }),
});

/** A command that ends soon says nothing of keys that are left out. */
const QUIET: KeySetSurroundings = {
  clock: systemClock,
  logger: { info: () => undefined, warn: () => undefined, error: () => undefined },
};

/** @param name another format than SOURCE_FORMAT. @throws ExitError (78) where the key set cannot be used. */
export async function openFormat(
  config: FormatConfig,
  surroundings: KeySetSurroundings = QUIET,
  name: FormatName = config.name,
): Promise<SourceFormat> {
  return sourceFormat(name, await formatOptions(config, surroundings));
}

/** Of the source topic. @throws as `openFormat`. */
export async function openSourceTopicFormat(
  config: FormatConfig,
  surroundings: KeySetSurroundings = QUIET,
): Promise<SourceFormat> {
  return sourceTopicFormat(config.name, await formatOptions(config, surroundings));
}

export async function formatOptions(
  config: FormatConfig,
  surroundings: KeySetSurroundings = QUIET,
): Promise<FormatOptions> {
  const { debezium, mapping } = config;
  return { debezium, mapping, verifier: await verifierOf(config, surroundings) };
}

async function verifierOf({ scimKeys }: FormatConfig, surroundings: KeySetSurroundings): Promise<TokenVerifier> {
  if (scimKeys === null) return withoutKeys;
  try {
    return await KeySetFile.open(scimKeys.file, scimKeys, surroundings);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ExitError(EXIT.configuration, `SCIM_EVENTS_JWKS_FILE: ${why}`, { cause });
  }
}
