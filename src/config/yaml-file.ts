/**
 * One configuration file: YAML (or JSON, which YAML includes) to a plain tree, with the line of each value for messages.
 * Runs at boot and in the CLI.
 */
import { readFileSync } from 'node:fs';
import { LineCounter, parseDocument } from 'yaml';
import { ConfigError } from './config-error.ts';

export interface YamlFile {
  path: string;
  tree: Record<string, unknown>;
  /** `file:line` of the value at a path, or of its nearest ancestor that is in the file; null when not even its section is. */
  where(path: readonly PropertyKey[]): string | null;
}

/** Throws ConfigError when the file cannot be read or is not YAML; duplicate keys count as not YAML. */
export function readYamlFile(path: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(readText(path), { lineCounter: lines, prettyErrors: true });
  if (document.errors.length > 0) {
    throw new ConfigError(document.errors.map((error) => `${path}: ${error.message.trim()}`));
  }
  const tree: unknown = document.toJS({ maxAliasCount: 100 }) ?? {};
  if (!isTree(tree)) throw new ConfigError([`${path}: expected a mapping of sections at the top`]);
  const where = (wanted: readonly PropertyKey[]): string | null => {
    for (let length = wanted.length; length > 0; length--) {
      const node = document.getIn(wanted.slice(0, length) as (string | number)[], true) as
        | { range?: [number] }
        | undefined;
      if (node?.range) return `${path}:${lines.linePos(node.range[0]).line}`;
    }
    return null;
  };
  return { path, tree, where };
}

export function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new ConfigError([`${path}: cannot be read (${code})`]);
  }
}
