/** Enters the record of a paid answer and gives back what was set aside for it. Front thread only; never fails, never waits. */
import type { Ledger } from '#coordinate/local/ledger.ts';
import { C, type CounterRow } from '#meter/counters.ts';
import { KIND, type UsageRecord } from '#usage/record.ts';
import type { UsageRingProducer } from '#usage/ring.ts';

export interface Book {
  readonly record: UsageRecord;
  /** An open record of it lies in the journal. */
  readonly wasOpen: boolean;
  readonly userRow: number;
  readonly reservedNanoUsd: bigint;
}

export interface BookKeeping {
  readonly ledger: Ledger;
  readonly usageRing: UsageRingProducer;
  readonly counters: CounterRow;
}

export function closeBook({ ledger, usageRing, counters }: BookKeeping, book: Book): void {
  const { record, wasOpen, userRow, reservedNanoUsd } = book;
  // Charged before the writer can see the record: a commit that came first would show more money than there is.
  ledger.charge(userRow, record.chargedNanoUsd);
  usageRing.push(record, wasOpen ? KIND.closing : KIND.record);
  ledger.free(userRow, reservedNanoUsd);
  counters.add(C.usageRecords);
  counters.add(C.inputTokens, record.inputTokens);
  counters.add(C.outputTokens, record.outputTokens);
  counters.add(C.chargedMicroUsd, Number(record.chargedNanoUsd) / 1000);
}
