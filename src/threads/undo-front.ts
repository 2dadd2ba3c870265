/**
 * What primary does when a front's thread has ended and before another takes its index: gives back what it still held, and closes
 * its exchanges in the figures. After an end in order there is nothing left to undo. Its ring is drained by the usage-writer like
 * any other, and the next front goes on at its head. Primary only.
 */
import type { Logger } from '#base/logger.ts';
import { isNothing } from '#coordinate/local/reclaim.ts';
import { closeExchanges } from '#meter/counters.ts';
import type { PrimaryTables } from './primary-tables.ts';
import type { SharedBlocks } from './protocol.ts';

export function undoFront(front: number, tables: PrimaryTables, shared: SharedBlocks, log: Logger): void {
  const left = tables.reclaim(front);
  const exchanges = closeExchanges(shared.counters, front);
  if (exchanges === 0 && isNothing(left)) return;
  log.warn({ front, exchanges, ...left, nanoUsd: String(left.nanoUsd) }, 'what a front left behind was given back');
}
