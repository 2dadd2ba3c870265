/** How `relaying.ts` leaves an exchange to the lifecycle. */
import type { Refusal } from '#failure/registry.ts';
import type { RecordStatus } from '#usage/record.ts';
import type { Exchange } from './exchange.ts';

/** Where the lifecycle goes on. */
export interface RelayingExits {
  failover(exchange: Exchange, refusal: Refusal): void;
  refuse(exchange: Exchange, refusal: Refusal): void;
  end(exchange: Exchange, status: RecordStatus): void;
  /** The account cannot count. */
  countHere(exchange: Exchange): void;
}
