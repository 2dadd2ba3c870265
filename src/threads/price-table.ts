/** The price table that the configuration asks for: its own file, or the shipped one. Boot of fronts and primary, and the CLI. */
import { join, resolve } from 'node:path';
import type { Config } from '#config/schema.ts';
import { loadPrices, type PriceTable } from '#meter/prices.ts';

const SHIPPED = join(import.meta.dirname, '..', '..', 'config', 'prices.json');

/** Throws a StartupError that names the file and the faulty entry. */
export function loadPriceTable({ pricing }: Config): PriceTable {
  return loadPrices(pricing.file === null ? SHIPPED : resolve(pricing.file), pricing.fallback);
}
