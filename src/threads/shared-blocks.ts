/**
 * Makes the shared memory of a gateway process: sizes from the configuration, layouts from the modules that own them. Primary
 * makes it once; a front that is replaced takes over its predecessor's rows.
 */
import type { Config } from '#config/schema.ts';
import { accountHealthBytes } from '#coordinate/local/account-health.ts';
import { BYTE_BUDGET_BYTES } from '#coordinate/local/byte-budget.ts';
import { doorbellBytes } from '#coordinate/local/doorbells.ts';
import { ledgerBytes } from '#coordinate/local/ledger.ts';
import { type SlotTableShape, slotTableBytes } from '#coordinate/local/slot-table.ts';
import { ticketBoardBytes } from '#coordinate/local/ticket-board.ts';
import { counterBytes } from '#meter/counters.ts';
import { pressureBytes } from '#usage/pressure.ts';
import { usageRingBytes } from '#usage/ring.ts';
import type { SharedBlocks } from './protocol.ts';

export interface SlotShapes {
  users: SlotTableShape;
  accounts: SlotTableShape;
}

export function slotShapes(config: Config, fronts: number): SlotShapes {
  return {
    users: { rows: config.limits.users, fronts, queueMax: config.queue.perUser },
    accounts: { rows: config.limits.accounts, fronts, queueMax: config.queue.perAccount },
  };
}

export function makeSharedBlocks(config: Config, fronts: number): SharedBlocks {
  const shapes = slotShapes(config, fronts);
  const block = (bytes: number): SharedArrayBuffer => new SharedArrayBuffer(bytes);
  return {
    userSlots: block(slotTableBytes(shapes.users)),
    accountSlots: block(slotTableBytes(shapes.accounts)),
    accountHealth: block(accountHealthBytes(config.limits.accounts)),
    ledger: block(ledgerBytes(config.limits.users)),
    doorbells: block(doorbellBytes(fronts)),
    tickets: block(ticketBoardBytes(fronts, config.limits.exchangesPerFront)),
    bodyBudget: block(BYTE_BUDGET_BYTES),
    streamBudget: block(BYTE_BUDGET_BYTES),
    counters: block(counterBytes(fronts + 1)),
    usageRings: Array.from({ length: fronts }, () => block(usageRingBytes(config.usage.ringBytes))),
    usagePressure: block(pressureBytes()),
  };
}
