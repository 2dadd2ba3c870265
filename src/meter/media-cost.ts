/**
 * What a picture or a video costs: known before it is made, so that exactly that is set aside. By the item and by the second of the
 * model's price, never by tokens. Pure.
 */
import { zeroCounts } from '#wire/token-counts.ts';
import { type Cost, cost } from './cost.ts';
import { findPrice, type Price, type PriceTable } from './prices.ts';

/** The first of these names with a price by the item or second; null: it would be made for nothing. */
export function findMediaPrice(table: PriceTable, model: string, others: readonly string[]): Price | null {
  for (const name of [model, ...others]) {
    const price = findPrice(table, name);
    if (price !== null && (price.perItem > 0 || price.perSecond > 0)) return price;
  }
  return null;
}

/** One item; `seconds` of video, 0 for a picture. */
export function mediaCost(price: Price, { seconds }: { seconds: number }, multiplierMicros: number): Cost {
  const counts = zeroCounts();
  counts.mediaItems = 1;
  counts.mediaSeconds = seconds;
  return cost(counts, price, multiplierMicros);
}
