/**
 * Loads the configuration: config/default.yaml ← one file ← environment, through the one schema. Relative paths in it (`data`,
 * `pricing.file`) are resolved by their users against the current working directory. Runs at boot (supervisor, primary) and in
 * the CLI; never on a front.
 */
import { join } from 'node:path';
import type { CatalogConfig } from './catalog-schema.ts';
import { ConfigError } from './config-error.ts';
import { type EnvironmentLayer, readEnvironment } from './environment.ts';
import { explainIssues } from './explain.ts';
import { type Config, fileSchema } from './schema.ts';
import { reveal } from './secret.ts';
import { isTree, readYamlFile, type YamlFile } from './yaml-file.ts';

/** Shipped beside the sources. */
export const DEFAULT_FILE = join(import.meta.dirname, '..', '..', 'config', 'default.yaml');

/** Keys shorter than this are accepted from a file, because imported ones exist, and reported. */
const KEY_CHARS_WISE = 32;

export interface LoadOptions {
  /** The operator's file; null when there is none. */
  configPath: string | null;
  env: Readonly<Record<string, string | undefined>>;
}

export interface LoadedConfig {
  config: Config;
  catalog: CatalogConfig;
  /** Worth telling the operator; none of them stops a start. */
  warnings: string[];
}

/** Throws ConfigError naming everything that is wrong at once. */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const shipped = readYamlFile(DEFAULT_FILE);
  const file = options.configPath === null ? null : readYamlFile(options.configPath);
  const environment = readEnvironment(options.env);
  const layers = [shipped.tree, file?.tree ?? {}, environment.tree];
  const tree = layers.reduce((under, over) => overlay(under, over) as Record<string, unknown>);
  const parsed = fileSchema.safeParse(tree);
  const problems = [...environment.problems];
  if (!parsed.success) {
    problems.push(...explainIssues(fileSchema, tree, parsed.error.issues, origin(shipped, file, environment)));
  }
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  const { catalog, ...config } = parsed.data;
  return { config, catalog, warnings: weakKeys(catalog) };
}

/** Mappings merge key by key; anything else replaces. A section left empty in a file changes nothing. */
function overlay(under: unknown, over: unknown): unknown {
  if (!isTree(under)) return over;
  if (over === null) return under;
  if (!isTree(over)) return over;
  const merged = new Map(Object.entries(under));
  for (const [key, value] of Object.entries(over))
    merged.set(key, merged.has(key) ? overlay(merged.get(key), value) : value);
  return Object.fromEntries(merged);
}

/** The topmost layer that holds a value is where it came from. */
function origin(shipped: YamlFile, file: YamlFile | null, environment: EnvironmentLayer) {
  return (path: readonly PropertyKey[]): string | null => {
    for (let length = path.length; length > 0; length--) {
      const name = environment.names.get(path.slice(0, length).join('.'));
      if (name !== undefined) return name;
    }
    return file?.where(path) ?? shipped.where(path);
  };
}

function weakKeys(catalog: CatalogConfig): string[] {
  return catalog.keys.flatMap((entry, index) => {
    const chars = reveal(entry.key).length;
    if (chars >= KEY_CHARS_WISE) return [];
    return [`catalog.keys[${index}].key: ${chars} characters can be guessed; use at least ${KEY_CHARS_WISE}`];
  });
}
