/**
 * Makes the shared memory of a gateway process: sizes from the configuration, layouts from the modules that own them. Primary
 * makes it once; a front that is replaced takes over its predecessor's rows.
 */
import type { Config } from '#config/schema.ts';
import { accountHealthBytes } from '#coordinate/local/account-health.ts';
import { affinityTableBytes } from '#coordinate/local/affinity-table.ts';
import { byteBudgetBytes } from '#coordinate/local/byte-budget.ts';
import { doorbellBytes } from '#coordinate/local/doorbells.ts';
import { HANDOVER_WORD_BYTES } from '#coordinate/local/handover-word.ts';
import { heartbeatBytes } from '#coordinate/local/heartbeats.ts';
import { type LedgerShape, ledgerBytes } from '#coordinate/local/ledger.ts';
import { ownerCount } from '#coordinate/local/owners.ts';
import { rowGenerationBytes } from '#coordinate/local/row-generations.ts';
import { type SlotTableShape, slotTableBytes } from '#coordinate/local/slot-table.ts';
import { ticketBoardBytes } from '#coordinate/local/ticket-board.ts';
import { counterBytes } from '#meter/counters.ts';
import { pressureBytes } from '#usage/pressure.ts';
import { usageRingBytes } from '#usage/ring.ts';
import type { SharedBlocks } from './protocol.ts';

export interface TableShapes {
  userSlots: SlotTableShape;
  accountSlots: SlotTableShape;
  ledger: LedgerShape;
}

export function tableShapes({ limits, queue }: Config, fronts: number): TableShapes {
  const owners = ownerCount(fronts);
  return {
    userSlots: { rows: limits.users, owners, queueMax: queue.perUser },
    accountSlots: { rows: limits.accounts, owners, queueMax: queue.perAccount },
    ledger: { rows: limits.users, owners },
  };
}

export function makeSharedBlocks(config: Config, fronts: number): SharedBlocks {
  const shapes = tableShapes(config, fronts);
  const budgetBytes = byteBudgetBytes(ownerCount(fronts));
  const block = (bytes: number): SharedArrayBuffer => new SharedArrayBuffer(bytes);
  return {
    userSlots: block(slotTableBytes(shapes.userSlots)),
    accountSlots: block(slotTableBytes(shapes.accountSlots)),
    userGenerations: block(rowGenerationBytes(config.limits.users)),
    accountGenerations: block(rowGenerationBytes(config.limits.accounts)),
    accountHealth: block(accountHealthBytes(config.limits.accounts)),
    affinity: block(affinityTableBytes(config.schedule.affinityEntries)),
    ledger: block(ledgerBytes(shapes.ledger)),
    doorbells: block(doorbellBytes(fronts)),
    heartbeats: block(heartbeatBytes(fronts)),
    tickets: block(ticketBoardBytes(fronts, config.limits.exchangesPerFront)),
    bodyBudget: block(budgetBytes),
    streamBudget: block(budgetBytes),
    counters: block(counterBytes(fronts + 1)),
    usageRings: Array.from({ length: fronts }, () => block(usageRingBytes(config.usage.ringBytes))),
    handover: block(HANDOVER_WORD_BYTES),
    usagePressure: block(pressureBytes()),
  };
}
