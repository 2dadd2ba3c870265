/**
 * The statement that turns the staged rows of a batch into rows, debits and balances at once: rows that are there already are left
 * alone, users pay only for rows that were inserted, every user of the batch is told its balance.
 */
import { USAGE_COLUMNS } from './copy-rows.ts';

/** Lives as long as its connection; emptied by every commit. */
export const CREATE_STAGING = 'create temp table usage_staging (like usage_logs) on commit delete rows';

export const COPY_STAGING = `copy usage_staging (${USAGE_COLUMNS}) from stdin (format binary)`;

/** One row a user: user_id, nano_usd (text), inserted (rows), strays (rows in the default partition). */
export const INSERT_BATCH = `
with inserted as (
  insert into usage_logs (${USAGE_COLUMNS})
  select ${USAGE_COLUMNS} from usage_staging
  on conflict (created_at, request_id) do nothing
  returning user_id, charged_nano_usd, tableoid
), sums as (
  select user_id,
         sum(charged_nano_usd)::bigint as charged,
         count(*)::int as inserted,
         count(*) filter (where tableoid = 'usage_logs_default'::regclass)::int as strays
  from inserted
  group by user_id
), debited as (
  update balances
  set nano_usd = balances.nano_usd - sums.charged
  from sums
  where balances.user_id = sums.user_id
  returning balances.user_id, balances.nano_usd
)
select staged.user_id,
       coalesce(debited.nano_usd, balances.nano_usd) as nano_usd,
       coalesce(sums.inserted, 0) as inserted,
       coalesce(sums.strays, 0) as strays
from (select distinct user_id from usage_staging) staged
left join sums using (user_id)
left join debited using (user_id)
left join balances using (user_id)`;

export interface InsertedUser {
  user_id: number;
  /** Null when the user has no balance (any more). */
  nano_usd: string | null;
  inserted: number;
  strays: number;
}
