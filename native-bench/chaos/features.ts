/** Which switches this build of the product has, read from its configuration schema. */
import { configSchema } from '../../src/config/schema.ts';

export type Durability = 'async' | 'journaled';

interface Shaped {
  shape?: Record<string, Shaped>;
  _zod?: { def?: { innerType?: Shaped } };
}

/** Follows optional and default wrappers. */
function shapeOf(schema: Shaped | undefined): Record<string, Shaped> {
  for (let at = schema; at !== undefined; at = at._zod?.def?.innerType) if (at.shape !== undefined) return at.shape;
  return {};
}

function hasKey(section: string, key: string): boolean {
  return key in shapeOf(shapeOf(configSchema as unknown as Shaped)[section]);
}

export const HAS_DURABILITY = hasKey('usage', 'durability');
export const HAS_CRASH_HEADER = hasKey('test', 'crashHeader');

/** Every mode that there is; one without a key is what the product does by itself. */
export const DURABILITIES: readonly Durability[] = HAS_DURABILITY ? ['async', 'journaled'] : ['async'];

export function usageSection(durability: Durability): Record<string, unknown> {
  return HAS_DURABILITY ? { durability } : {};
}
