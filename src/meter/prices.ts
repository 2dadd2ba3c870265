/**
 * Prices of models: reads and checks a price table, finds the price of a model. The shipped table is config/prices.json, which
 * names sources and dates. Read at boot; looked up on front threads without I/O.
 *
 *   { "sources": [ { "source", "date", "notes"?, "webSearchPer1000", "models": { name: price } }, … ] }, or one such source alone
 *
 *   price = { "input", "output", "cacheRead"?, "cacheWrite5m"?, "cacheWrite1h"?, "audioInput"?, "audioOutput"?, "imageInput"?,
 *             "imageOutput"?, "perItem"?, "perSecond"?, "longPrompt"?, "tiers"?: { name: rates }, "aliases"? }
 *
 * Files give US dollars per million tokens as decimal text; here they are integer pico-USD (10⁻¹²) a token, which is the same
 * number times a million: $3 is 3,000,000, $0.0375 is 37,500. The conversion is exact, a finer price is an error. `perItem` and
 * `perSecond` are dollars; `perItem` may be by quality and size of a picture: { "low": { "1024x1024": "0.011", … }, … }. What has no rate of its own is charged as text; a tier takes it from the ordinary price first.
 */
import { readFileSync } from 'node:fs';
import { StartupError } from '#base/startup-error.ts';

/** Each with the rate that stands in where it is left out; null: it may not be. */
const RATES = {
  input: null,
  output: null,
  cacheRead: 'input',
  cacheWrite5m: 'input',
  cacheWrite1h: 'input',
  audioInput: 'input',
  audioOutput: 'output',
  imageInput: 'input',
  imageOutput: 'output',
} as const;
type RateName = keyof typeof RATES;
const RATE_NAMES = Object.keys(RATES) as RateName[];

/** Pico-USD a token. */
export type Rates = Readonly<Record<RateName, number>>;

/** Rates of the whole request when its prompt, cache included, has more than `overTokens`. */
export type LongPromptRates = Rates & { readonly overTokens: number };

export interface TierPrice extends Rates {
  /** Null where the model has none. */
  readonly longPrompt: LongPromptRates | null;
}

export interface Price extends TierPrice {
  /** Name of the table's entry; `fallback` for the configured fallback price. */
  readonly name: string;
  /** Pico-USD a web search, an image or video made, a second of video made. */
  readonly webSearch: number;
  readonly perItem: number;
  readonly perSecond: number;
  /** The same for an image by `itemKey`; null where they all cost the same. */
  readonly perItemBy: ReadonlyMap<string, number> | null;
  /** By the name of the service tier as the upstream bills it (`flex`, `priority`); null where the model has none. */
  readonly tiers: ReadonlyMap<string, TierPrice> | null;
}

/** US dollars per million tokens. */
export type FallbackRates = Readonly<
  Record<'input' | 'output' | 'cacheRead' | 'cacheWrite5m' | 'cacheWrite1h', number | string>
>;

export interface PriceSource {
  readonly source: string;
  /** Day on which the source was read, `YYYY-MM-DD`. */
  readonly date: string;
}

export interface PriceTable {
  readonly sources: readonly PriceSource[];
  /** By name and by alias. */
  readonly prices: ReadonlyMap<string, Price>;
  readonly fallback: Price | null;
  /** Answers already found. Model names come from clients, so it is emptied when full. */
  readonly found: Map<string, Price | null>;
}

const FOUND_ENTRIES_MAX = 1024;
const FOUND_NAME_CHARS_MAX = 128;
/** 1,000 dollars a million tokens, 1 dollar a search, 1,000 dollars an item or second: beyond them a decimal point is missing. */
const RATE_PICO_MAX = 1_000_000_000;
const WEB_SEARCH_PICO_MAX = 1_000_000_000_000;
const MEDIA_NANO_MAX = 1_000_000_000_000;
/** Of searches, when neither table nor price says otherwise, there is no charge. */
const PICO_PER_THOUSANDTH_USD = 1_000_000_000;

/** Reads a price table. Throws a StartupError that names the file and the faulty entry. */
export function loadPrices(path: string, fallback: FallbackRates | null = null): PriceTable {
  let file: unknown;
  try {
    file = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new StartupError(`price table ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return parsePrices(file, path, fallback);
}

/** Builds the table from parsed JSON; `where` stands in front of every error. */
export function parsePrices(file: unknown, where: string, fallback: FallbackRates | null = null): PriceTable {
  const prices = new Map<string, Price>();
  const parts = sourcesOf(file, where);
  const sources = parts.map(([part, at]) => addSource(prices, part, at));
  const { webSearchPer1000 } = parts[0]![0] as { webSearchPer1000: unknown };
  return {
    sources,
    prices,
    fallback: fallback === null ? null : fallbackPrice(fallback, webSearchPico(webSearchPer1000, where)),
    found: new Map(),
  };
}

/** Each with the place that its errors name. */
function sourcesOf(file: unknown, where: string): [unknown, string][] {
  if (typeof file !== 'object' || file === null || !('sources' in file)) return [[file, where]];
  const { sources } = objectAt(file, where, ['sources']);
  if (!Array.isArray(sources) || sources.length === 0) throw new StartupError(`${where}: sources: expected a list`);
  return sources.map((part, index) => [part, `${where}: sources[${index}]`]);
}

function addSource(prices: Map<string, Price>, part: unknown, where: string): PriceSource {
  const root = objectAt(part, where, ['source', 'date', 'notes', 'webSearchPer1000', 'models']);
  const source = textAt(root['source'], `${where}: source`);
  const date = textAt(root['date'], `${where}: date`);
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) throw new StartupError(`${where}: date: expected YYYY-MM-DD`);
  const webSearch = webSearchPico(root['webSearchPer1000'], `${where}: webSearchPer1000`);
  const models = root['models'];
  if (typeof models !== 'object' || models === null) throw new StartupError(`${where}: models: expected an object`);
  for (const [name, entry] of Object.entries(models)) addModel(prices, name, entry, webSearch, where);
  return { source, date };
}

function addModel(prices: Map<string, Price>, name: string, entry: unknown, webSearch: number, where: string): void {
  const at = `${where}: models.${name}`;
  const fields = objectAt(entry, at, [...RATE_NAMES, 'perItem', 'perSecond', 'longPrompt', 'tiers', 'aliases']);
  const price = Object.freeze({
    name,
    ...readRates(fields, at),
    webSearch,
    ...readPerItem(fields['perItem'], `${at}.perItem`),
    perSecond: mediaPico(fields['perSecond'], `${at}.perSecond`),
    longPrompt: readLongPrompt(fields, at),
    tiers: readTiers(fields, at),
  });
  const aliases = fields['aliases'] ?? [];
  if (!Array.isArray(aliases)) throw new StartupError(`${at}.aliases: expected a list of names`);
  for (const key of [name, ...aliases.map((alias) => textAt(alias, `${at}.aliases`))]) {
    if (prices.has(key)) throw new StartupError(`${at}: ${key} has two prices`);
    prices.set(key, price);
  }
}

function readLongPrompt(fields: Fields, at: string): LongPromptRates | null {
  if (fields['longPrompt'] === undefined) return null;
  const where = `${at}.longPrompt`;
  const tier = objectAt(fields['longPrompt'], where, [...RATE_NAMES, 'overTokens']);
  const overTokens = tier['overTokens'];
  if (!Number.isSafeInteger(overTokens) || (overTokens as number) < 1) {
    throw new StartupError(`${where}.overTokens: expected a whole number of tokens`);
  }
  return Object.freeze({ overTokens: overTokens as number, ...readRates(tier, where) });
}

function readTiers(fields: Fields, at: string): Price['tiers'] {
  const tiers = fields['tiers'];
  if (tiers === undefined) return null;
  if (typeof tiers !== 'object' || tiers === null) throw new StartupError(`${at}.tiers: expected an object`);
  return new Map(
    Object.entries(tiers).map(([name, entry]) => {
      const where = `${at}.tiers.${name}`;
      const tier = objectAt(entry, where, [...RATE_NAMES, 'longPrompt']);
      return [name, Object.freeze({ ...readRates(tier, where, fields), longPrompt: readLongPrompt(tier, where) })];
    }),
  );
}

function fallbackPrice(fallback: FallbackRates, webSearch: number): Price {
  const rates = readRates(fallback, 'pricing.fallback');
  return Object.freeze({
    name: 'fallback',
    ...rates,
    webSearch,
    perItem: 0,
    perItemBy: null,
    perSecond: 0,
    longPrompt: null,
    tiers: null,
  });
}

/**
 * The price of a model, or the fallback, or null. Tried in order: the name itself or an alias; without a trailing `-YYYYMMDD`
 * or `-YYYY-MM-DD`; without a trailing `-latest`.
 */
export function findPrice(table: PriceTable, model: string): Price | null {
  const known = table.found.get(model);
  if (known !== undefined) return known;
  const price = search(table, model) ?? table.fallback;
  if (model.length <= FOUND_NAME_CHARS_MAX) {
    if (table.found.size >= FOUND_ENTRIES_MAX) table.found.clear();
    table.found.set(model, price);
  }
  return price;
}

function search(table: PriceTable, model: string): Price | undefined {
  return (
    table.prices.get(model) ??
    table.prices.get(model.replace(/-20\d{2}(\d{4}|-\d{2}-\d{2})$/, '')) ??
    table.prices.get(model.replace(/-latest$/, ''))
  );
}

type Fields = { readonly [field: string]: unknown };

function objectAt(value: unknown, at: string, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new StartupError(`${at}: expected an object`);
  }
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) throw new StartupError(`${at}: unknown key ${key}; known are ${known.join(', ')}`);
  }
  return value as Fields;
}

function textAt(value: unknown, at: string): string {
  if (typeof value !== 'string' || value === '') throw new StartupError(`${at}: expected text`);
  return value;
}

/** `ordinary`: where a tier's missing rates come from. */
function readRates(fields: Fields, at: string, ordinary: Fields = {}): Rates {
  const rates = {} as Record<RateName, number>;
  for (const name of RATE_NAMES) {
    const text = RATES[name];
    const value = fields[name] ?? (text === null ? undefined : (ordinary[name] ?? fields[text]));
    rates[name] = ratePico(value, `${at}.${name}`);
  }
  return rates;
}

function ratePico(usdPerMillion: unknown, at: string): number {
  const pico = decimalTimes(usdPerMillion, 6);
  if (pico === null || pico > RATE_PICO_MAX) {
    throw new StartupError(`${at}: expected USD per million tokens, 0 to 1000 with at most 6 decimals`);
  }
  return pico;
}

/** Dollars per thousand searches: a thousandth of a dollar each is 10⁹ pico-USD. */
function webSearchPico(usdPerThousand: unknown, at: string): number {
  const micro = decimalTimes(usdPerThousand, 6);
  if (micro === null || micro * 1000 > WEB_SEARCH_PICO_MAX) {
    throw new StartupError(`${at}: expected USD per 1,000 searches, 0 to 1000 with at most 6 decimals`);
  }
  return micro * (PICO_PER_THOUSANDTH_USD / 1_000_000);
}

/** Of `Price.perItemBy`. */
export function itemKey(quality: string, size: string): string {
  return `${quality} ${size}`;
}

function readPerItem(value: unknown, at: string): Pick<Price, 'perItem' | 'perItemBy'> {
  if (typeof value !== 'object' || value === null) return { perItem: mediaPico(value, at), perItemBy: null };
  const perItemBy = new Map<string, number>();
  for (const [quality, sizes] of Object.entries(value)) {
    if (typeof sizes !== 'object' || sizes === null)
      throw new StartupError(`${at}.${quality}: expected prices by size`);
    for (const [size, usd] of Object.entries(sizes))
      perItemBy.set(itemKey(quality, size), mediaPico(usd, `${at}.${quality}.${size}`));
  }
  return { perItem: 0, perItemBy };
}

/** US dollars an item or second, 0 when left out. */
function mediaPico(usd: unknown, at: string): number {
  const nano = usd === undefined ? 0 : decimalTimes(usd, 9);
  if (nano === null || nano > MEDIA_NANO_MAX)
    throw new StartupError(`${at}: expected USD, 0 to 1000 with at most 9 decimals`);
  return nano * 1000;
}

/** A plain decimal, shifted left by `decimals` places, exactly; null for anything else. Numbers count as their shortest text. */
function decimalTimes(value: unknown, decimals: number): number | null {
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  const match = /^(\d{1,9})(?:\.(\d+))?$/.exec(String(value));
  const fraction = match?.[2] ?? '';
  if (match === null || fraction.length > decimals) return null;
  return Number(match[1] + fraction.padEnd(decimals, '0'));
}
