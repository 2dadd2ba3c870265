/** Forgets an answer of which nothing has left for the client: as if it had never begun. Front thread only. */
import type { Exchange } from './exchange.ts';
import { letGo } from './openings.ts';
import type { Parts } from './parts.ts';

export function unsee({ openRecords }: Parts, exchange: Exchange): void {
  if (!exchange.reply.begun) exchange.reply.forget();
  letGo(exchange);
  exchange.unproven = false;
  exchange.doubt = null;
  openRecords.withdraw(exchange);
  exchange.hold?.drop();
  exchange.hold = null;
  exchange.terminalAtMs = 0;
  exchange.billable = false;
  exchange.streaming = false;
  exchange.tap = null;
  exchange.answerKey = null;
  exchange.counted?.texts.reset();
  dropTransform(exchange);
  exchange.firstByteAtMs = 0;
}

export function dropTransform(exchange: Exchange): void {
  exchange.transform?.drop();
  exchange.transform = null;
}
