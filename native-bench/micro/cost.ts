/**
 * What pricing one answer costs, in nanoseconds: usual sums (doubles), a multiplier (one bigint product), huge sums (all bigint),
 * a reservation, and finding the price of a dated model name.
 * Run: `node_modules/.bin/node native-bench/micro/cost.ts [--quick]`; one line of JSON a case. `--quick` only shows that it runs.
 */
import { cost } from '../../src/meter/cost.ts';
import { findPrice, loadPrices } from '../../src/meter/prices.ts';
import { reserveNano } from '../../src/meter/reserve.ts';
import { zeroCounts } from '../../src/wire/token-counts.ts';

const quick = process.argv.includes('--quick');
const ROUNDS = quick ? 2 : 7;
const COUNT = quick ? 1_000 : 1_000_000;

const table = loadPrices(new URL('../../config/prices.json', import.meta.url).pathname);
const price = findPrice(table, 'claude-sonnet-4-5');
if (price === null) throw new Error('the shipped table has lost a price');

const small = {
  ...zeroCounts(),
  inputTokens: 1_200,
  outputTokens: 800,
  cacheReadTokens: 40_000,
  cacheWrite5mTokens: 900,
};
const huge = { ...small, inputTokens: 999_999_999, outputTokens: 999_999_999, cacheReadTokens: 999_999_999 };
const mixed = {
  ...small,
  audioInputTokens: 300,
  imageInputTokens: 1_000,
  audioOutputTokens: 200,
  imageOutputTokens: 1_290,
};
const facts = { textBytes: 60_000, toolsCount: 18, maxTokens: 32_000, cacheMarkers: 3 };
const rule = { outputReserveTokens: 4_096, multiplierMicros: 1_000_000 };

let kept: unknown;

function bench(name: string, run: () => unknown): void {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < COUNT; i++) kept = run();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / COUNT);
  }
  if (kept === undefined) throw new Error(`${name}: nothing came out`);
  process.stdout.write(
    `${JSON.stringify({ bench: 'cost', case: name, unit: 'call', ns: Math.round(best * 10) / 10 })}\n`,
  );
}

bench('cost, multiplier 1', () => cost(small, price, 1_000_000));
bench('cost, multiplier 1.25', () => cost(small, price, 1_250_000));
bench('cost, sums beyond 2^53', () => cost(huge, price, 1_250_000));
bench('cost, sound and pictures', () => cost(mixed, price, 1_000_000));
bench('reserve', () => reserveNano(price, facts, rule));
bench('find a dated name again', () => findPrice(table, 'claude-sonnet-4-5-20250929'));
