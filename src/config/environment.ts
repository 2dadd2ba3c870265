/**
 * Environment variables as a layer of the configuration: `PENSTOCK_` and the path in capitals, words parted by underscores, so
 * `queue.waitMs` is `PENSTOCK_QUEUE_WAIT_MS`. An unknown `PENSTOCK_` variable is refused like any unknown key. Runs at boot.
 */
import type { z } from 'zod';
import { nearestName } from './nearest-name.ts';
import { configSchema } from './schema.ts';
import { type Leaf, leavesOf } from './walk-schema.ts';

const START = 'PENSTOCK_';

/** Read by the CLI, not part of the configuration: address of the control port and its token. */
export const CLIENT_VARIABLES = ['PENSTOCK_CONTROL', 'PENSTOCK_TOKEN'] as const;

/** A debugging switch, not part of the configuration: 1 lets the gateway audit its shared tables and abort on a difference. */
const ASSERT_VARIABLE = 'PENSTOCK_ASSERT';

/** Kubernetes and Docker links add these for a service that is called `penstock`; they mean nothing here. */
const SERVICE_LINK = /^PENSTOCK_(SERVICE_(HOST|PORT)|PORT)(_|$)/;

export interface EnvironmentLayer {
  /** A tree like that of a file; only what is set. */
  tree: Record<string, unknown>;
  /** Dotted path → the variable it came from. */
  names: Map<string, string>;
  problems: string[];
}

export function variableName(path: readonly string[]): string {
  const words = path.map((part) => part.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase());
  return START + words.join('_');
}

export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  schema: z.ZodType = configSchema,
): EnvironmentLayer {
  const leaves = new Map(leavesOf(schema).map((leaf) => [variableName(leaf.path), leaf]));
  const layer: EnvironmentLayer = { tree: {}, names: new Map(), problems: [] };
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(START) || value === undefined || value === '') continue;
    const leaf = leaves.get(name);
    if (leaf !== undefined) {
      setAt(layer.tree, leaf.path, typedValue(value, leaf));
      layer.names.set(leaf.path.join('.'), name);
    } else if (!isForeign(name)) layer.problems.push(unknownVariable(name, leaves.keys()));
  }
  return layer;
}

function isForeign(name: string): boolean {
  return (CLIENT_VARIABLES as readonly string[]).includes(name) || name === ASSERT_VARIABLE || SERVICE_LINK.test(name);
}

function unknownVariable(name: string, known: Iterable<string>): string {
  const near = nearestName(name, known);
  return `${name}: unknown environment variable${near === null ? '' : `, did you mean ${near}?`}`;
}

/** Text that does not look like the wanted type is handed on as it is: validation says what was expected. */
function typedValue(text: string, leaf: Leaf): unknown {
  if (text === 'null' && leaf.nullable) return null;
  if (leaf.kind === 'number' && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (leaf.kind === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  if (leaf.kind === 'tree') return jsonOrText(text);
  return text;
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function setAt(tree: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let node = tree;
  for (const part of path.slice(0, -1)) {
    node[part] ??= {};
    node = node[part] as Record<string, unknown>;
  }
  node[path.at(-1)!] = value;
}
