/**
 * Sums over the whole usage log. Reads all of it: for operators, not for request paths; rollups will take its place.
 */
import type { Database } from './database.ts';

export interface UsageTotals {
  requests: number;
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  /** Of both lifetimes. */
  cacheWriteTokens: number;
  chargedNanoUsd: bigint;
}

type Row = Record<keyof UsageTotals, string>;

export async function usageTotals(db: Database): Promise<UsageTotals> {
  const [row] = await db<Row[]>`
    select count(*) as "requests",
           coalesce(sum(input_tokens), 0) as "inputTokens",
           coalesce(sum(output_tokens), 0) as "outputTokens",
           coalesce(sum(cache_read_tokens), 0) as "cacheReadTokens",
           coalesce(sum(cache_write_5m_tokens::bigint + cache_write_1h_tokens), 0) as "cacheWriteTokens",
           coalesce(sum(charged_nano_usd), 0) as "chargedNanoUsd"
    from usage_logs`;
  const { chargedNanoUsd, ...counts } = row!;
  return {
    requests: Number(counts.requests),
    inputTokens: Number(counts.inputTokens),
    outputTokens: Number(counts.outputTokens),
    cacheReadTokens: Number(counts.cacheReadTokens),
    cacheWriteTokens: Number(counts.cacheWriteTokens),
    chargedNanoUsd: BigInt(chargedNanoUsd),
  };
}
