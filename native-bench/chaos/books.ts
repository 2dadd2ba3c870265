/** What the gateway billed, read from its tables by a connection of our own. */
import type { Sql } from '../../test/support/test-postgres.ts';
import type { Row } from './audit.ts';

interface Wire {
  request_id: string;
  client_request_id: string;
  upstream_request_id: string;
  status: string;
  usage_source: string;
  input_tokens: number;
  output_tokens: number;
  charged_nano_usd: string;
}

export async function readRows(sql: Sql): Promise<Row[]> {
  const rows = await sql<Wire[]>`
    select request_id, client_request_id, upstream_request_id, status, usage_source, input_tokens, output_tokens,
           charged_nano_usd
    from usage_logs`;
  return rows.map((row) => ({
    requestId: row.request_id,
    label: row.client_request_id,
    upstreamRequestId: row.upstream_request_id,
    status: row.status,
    usageSource: row.usage_source,
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    chargedNanoUsd: BigInt(row.charged_nano_usd),
  }));
}

/** What all balances lost since users with these opening balances were made. */
export async function readDebits(sql: Sql, openedNanoUsd: bigint): Promise<bigint> {
  const [row] = await sql<{ left: string }[]>`select coalesce(sum(nano_usd), 0) as left from balances`;
  return openedNanoUsd - BigInt(row!.left);
}
