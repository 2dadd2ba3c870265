/**
 * Prints the effective configuration as YAML or JSON; secrets are a mark. Runs in the CLI and at boot.
 */
import { stringify } from 'yaml';
import type { CatalogConfig } from './catalog-schema.ts';
import type { Config } from './schema.ts';
import { isSecret, SECRET_MARK } from './secret.ts';

export function printConfig(config: Config, catalog: CatalogConfig | null): string {
  return stringify(printable(config, catalog), { lineWidth: 120, nullStr: 'null' });
}

/** The same as plain data, for `--json`. */
export function printable(config: Config, catalog: CatalogConfig | null): unknown {
  return withoutSecrets(catalog === null ? config : { ...config, catalog });
}

function withoutSecrets(value: unknown): unknown {
  if (isSecret(value)) return SECRET_MARK;
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutSecrets(inner)]));
}
