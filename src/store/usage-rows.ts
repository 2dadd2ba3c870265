/** A page of the usage log, newest first, with names instead of ids, in one statement that reads no more rows than it answers. */
import type { Database } from './database.ts';

export interface UsageListing {
  /** UUID with dashes. */
  requestId: string;
  createdAtMs: number;
  user: string;
  account: string;
  model: string;
  upstreamModel: string;
  stream: boolean;
  status: string;
  usageSource: string;
  httpStatus: number;
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWrite5mTokens: number;
  cacheWrite1hTokens: number;
  webSearchRequests: number;
  costNanoUsd: bigint;
  chargedNanoUsd: bigint;
  attempts: number;
  queueMs: number;
  firstByteMs: number;
  durationMs: number;
  clientRequestId: string;
  upstreamRequestId: string;
  protocol: string;
  upstreamProtocol: string;
  serviceTier: string;
  reasoningTokens: number;
  audioInputTokens: number;
  audioOutputTokens: number;
  imageInputTokens: number;
  imageOutputTokens: number;
  mediaItems: number;
  mediaSeconds: number;
}

type Row = Omit<UsageListing, 'createdAtMs' | 'costNanoUsd' | 'chargedNanoUsd'> & {
  created_at: Date;
  cost: string;
  charged: string;
};

/** Above every id and every moment: the first page. */
const TOP: Cursor = { createdAt: new Date(Date.UTC(9999, 0)), requestId: 'ffffffff-ffff-ffff-ffff-ffffffffffff' };

interface Cursor {
  createdAt: Date;
  requestId: string;
}

/**
 * At most `limit` rows; with `before`, a request id with dashes, those older than that row, which need not exist any more. The limit
 * applies before names are joined.
 */
export async function usageRows(db: Database, limit: number, before: string | null = null): Promise<UsageListing[]> {
  const { createdAt, requestId } = before === null ? TOP : cursorOf(before);
  // The first condition leaves out the partitions of later months, the second finds the place in the index.
  const rows = await db<Row[]>`
    with newest as (
      select * from usage_logs
      where created_at <= ${createdAt} and (created_at, request_id) < (${createdAt}, ${requestId})
      order by created_at desc, request_id desc
      limit ${limit}
    )
    select newest.request_id as "requestId", newest.created_at, coalesce(users.name, '') as "user",
           coalesce(accounts.name, '') as "account", model, upstream_model as "upstreamModel", stream, newest.status,
           usage_source as "usageSource", http_status as "httpStatus", input_tokens as "inputTokens",
           output_tokens as "outputTokens", cache_read_tokens as "cacheReadTokens",
           cache_write_5m_tokens as "cacheWrite5mTokens", cache_write_1h_tokens as "cacheWrite1hTokens",
           web_search_requests as "webSearchRequests", cost_nano_usd as cost, charged_nano_usd as charged, attempts,
           queue_ms as "queueMs", first_byte_ms as "firstByteMs", duration_ms as "durationMs",
           client_request_id as "clientRequestId", upstream_request_id as "upstreamRequestId",
           protocol, upstream_protocol as "upstreamProtocol", service_tier as "serviceTier",
           reasoning_tokens as "reasoningTokens", audio_input_tokens as "audioInputTokens",
           audio_output_tokens as "audioOutputTokens", image_input_tokens as "imageInputTokens",
           image_output_tokens as "imageOutputTokens", media_items as "mediaItems", media_seconds as "mediaSeconds"
    from newest
    left join users on users.id = newest.user_id
    left join accounts on accounts.id = newest.account_id
    order by newest.created_at desc, newest.request_id desc`;
  return rows.map(({ created_at, cost, charged, ...row }) => ({
    ...row,
    createdAtMs: created_at.getTime(),
    costNanoUsd: BigInt(cost),
    chargedNanoUsd: BigInt(charged),
  }));
}

/** A row's `created_at` is the millisecond in the first 48 bits of its id. */
function cursorOf(requestId: string): Cursor {
  const createdAtMs = Number.parseInt(requestId.slice(0, 8) + requestId.slice(9, 13), 16);
  return { createdAt: new Date(createdAtMs), requestId };
}
