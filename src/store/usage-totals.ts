/**
 * Sums over the whole usage log, from the sums a day that every insert keeps (`migrations/0004-usage-days.sql`, `0005-protocols.sql`). They tell what was ever
 * billed, also of months whose partitions are gone. Primary, for operators.
 */
import type { Database } from './database.ts';

export interface UsageTotals {
  requests: number;
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  /** Of both lifetimes. */
  cacheWriteTokens: number;
  /** A part of `outputTokens`. */
  reasoningTokens: number;
  audioInputTokens: number;
  audioOutputTokens: number;
  imageInputTokens: number;
  imageOutputTokens: number;
  mediaItems: number;
  mediaSeconds: number;
  chargedNanoUsd: bigint;
}

type Row = Record<keyof UsageTotals, string>;

export async function usageTotals(db: Database): Promise<UsageTotals> {
  const [row] = await db<Row[]>`
    select coalesce(sum(requests), 0) as "requests",
           coalesce(sum(input_tokens), 0) as "inputTokens",
           coalesce(sum(output_tokens), 0) as "outputTokens",
           coalesce(sum(cache_read_tokens), 0) as "cacheReadTokens",
           coalesce(sum(cache_write_tokens), 0) as "cacheWriteTokens",
           coalesce(sum(reasoning_tokens), 0) as "reasoningTokens",
           coalesce(sum(audio_input_tokens), 0) as "audioInputTokens",
           coalesce(sum(audio_output_tokens), 0) as "audioOutputTokens",
           coalesce(sum(image_input_tokens), 0) as "imageInputTokens",
           coalesce(sum(image_output_tokens), 0) as "imageOutputTokens",
           coalesce(sum(media_items), 0) as "mediaItems",
           coalesce(sum(media_seconds), 0) as "mediaSeconds",
           coalesce(sum(charged_nano_usd), 0) as "chargedNanoUsd"
    from usage_days`;
  const { chargedNanoUsd, ...counts } = row!;
  return {
    requests: Number(counts.requests),
    inputTokens: Number(counts.inputTokens),
    outputTokens: Number(counts.outputTokens),
    cacheReadTokens: Number(counts.cacheReadTokens),
    cacheWriteTokens: Number(counts.cacheWriteTokens),
    reasoningTokens: Number(counts.reasoningTokens),
    audioInputTokens: Number(counts.audioInputTokens),
    audioOutputTokens: Number(counts.audioOutputTokens),
    imageInputTokens: Number(counts.imageInputTokens),
    imageOutputTokens: Number(counts.imageOutputTokens),
    mediaItems: Number(counts.mediaItems),
    mediaSeconds: Number(counts.mediaSeconds),
    chargedNanoUsd: BigInt(chargedNanoUsd),
  };
}
