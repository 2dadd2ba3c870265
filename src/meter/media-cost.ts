/**
 * What a picture or a video costs: known before it is made, so that exactly that is set aside. By the item and by the second of the
 * model's price, never by tokens. Pure.
 */
import { zeroCounts } from '#wire/token-counts.ts';
import { type Cost, cost } from './cost.ts';
import { findPrice, itemKey, type Price, type PriceTable } from './prices.ts';

/** What of a request has to do with its price. */
export interface MediaPriced {
  /** Entries that may have its price, besides the client's own name for the model. */
  readonly priceNames: readonly string[];
  /** Of a picture; '' when it does not matter to the client. */
  readonly quality: string;
  readonly size: string;
}

/** Where a price is by quality and the client does not care. */
const ORDINARY_QUALITY = 'medium';

/** The first of the names with a price by the item or second; null: it would be made for nothing. */
export function findMediaPrice(table: PriceTable, model: string, media: MediaPriced): Price | null {
  for (const name of [model, ...media.priceNames]) {
    const price = findPrice(table, name);
    if (price === null) continue;
    const key = itemKey(mediaQuality(price, media.quality), media.size);
    const perItem = price.perItemBy === null ? price.perItem : (price.perItemBy.get(key) ?? 0);
    if (perItem > 0 || price.perSecond > 0) return { ...price, perItem };
  }
  return null;
}

/** What the account must be asked for, so that the price is right; '' leaves it to the account. */
export function mediaQuality({ perItemBy }: Price, wanted: string): string {
  return wanted === '' && perItemBy !== null ? ORDINARY_QUALITY : wanted;
}

/** One item; `seconds` of video, 0 for a picture. `price`: as found above. */
export function mediaCost(price: Price, { seconds }: { seconds: number }, multiplierMicros: number): Cost {
  const counts = zeroCounts();
  counts.mediaItems = 1;
  counts.mediaSeconds = seconds;
  return cost(counts, price, multiplierMicros);
}
