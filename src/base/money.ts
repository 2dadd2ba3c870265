/**
 * Money as people write it and as the product holds it: integer nano-USD (10⁻⁹ US dollars) in bigint. Exact in both
 * directions; never goes through floating point. Runs on every thread.
 */

const DECIMALS = 9;
const NANO_PER_USD = 10n ** BigInt(DECIMALS);
/** What PostgreSQL's bigint holds. */
const NANO_MAX = 2n ** 63n - 1n;

const DECIMAL_TEXT = /^(-?)(\d{1,10})(?:\.(\d{1,9}))?$/;

/**
 * US dollars to nano-USD. A number is read as its shortest decimal form (0.1 is exactly 100,000,000 nano).
 * Returns null for anything that is not a plain decimal with at most 9 decimals, or that does not fit 64 bits.
 */
export function parseUsdToNano(usd: string | number): bigint | null {
  const match = DECIMAL_TEXT.exec(plainText(usd));
  if (match === null) return null;
  const [, sign, whole, fraction = ''] = match;
  const nano = BigInt(whole!) * NANO_PER_USD + BigInt(fraction.padEnd(DECIMALS, '0'));
  if (nano > NANO_MAX) return null;
  return sign === '-' ? -nano : nano;
}

/** Nano-USD as dollars: at least 2 decimals, as many as needed, `-12.50`, `0.000000001`. */
export function formatNanoUsd(nano: bigint): string {
  const magnitude = nano < 0n ? -nano : nano;
  const fraction = (magnitude % NANO_PER_USD).toString().padStart(DECIMALS, '0').replace(/0+$/, '').padEnd(2, '0');
  return `${nano < 0n ? '-' : ''}${magnitude / NANO_PER_USD}.${fraction}`;
}

/** Small numbers print as 1e-7: spell those out, as long as nine decimals hold them. */
function plainText(usd: string | number): string {
  if (typeof usd === 'string') return usd.trim();
  const text = String(usd);
  if (!text.includes('e-')) return text;
  const fixed = usd.toFixed(DECIMALS);
  return Number(fixed) === usd ? fixed : text;
}
