-- Sums of the usage log a day (UTC), so that totals cost some hundred rows however long the log is. A trigger keeps them, in the
-- transaction that inserts the rows and for the rows that it really inserted: the version before this one, which knows nothing of them,
-- keeps them as exactly. Rows that move between partitions do not pass the log's own trigger and are not summed twice.

create table usage_days (
  day                date primary key,
  requests           bigint not null,
  input_tokens       bigint not null,
  output_tokens      bigint not null,
  cache_read_tokens  bigint not null,
  cache_write_tokens bigint not null, -- of both lifetimes
  charged_nano_usd   bigint not null
) with (fillfactor = 50); -- today's row is updated by every batch: room for heap-only updates

create function penstock_sum_usage() returns trigger language plpgsql as $$
begin
  insert into usage_days as days
  select (created_at at time zone 'UTC')::date, count(*), sum(input_tokens), sum(output_tokens), sum(cache_read_tokens),
         sum(cache_write_5m_tokens::bigint + cache_write_1h_tokens), sum(charged_nano_usd)
  from inserted
  group by 1
  order by 1 -- two writers take the rows in one order
  on conflict (day) do update
  set requests           = days.requests           + excluded.requests,
      input_tokens       = days.input_tokens       + excluded.input_tokens,
      output_tokens      = days.output_tokens      + excluded.output_tokens,
      cache_read_tokens  = days.cache_read_tokens  + excluded.cache_read_tokens,
      cache_write_tokens = days.cache_write_tokens + excluded.cache_write_tokens,
      charged_nano_usd   = days.charged_nano_usd   + excluded.charged_nano_usd;
  return null;
end
$$;

-- Takes the lock that keeps writers out until this migration is done, so no row is summed twice or not at all.
create trigger usage_logs_sums after insert on usage_logs
  referencing new table as inserted for each statement execute function penstock_sum_usage();

insert into usage_days
select (created_at at time zone 'UTC')::date, count(*), sum(input_tokens), sum(output_tokens), sum(cache_read_tokens),
       sum(cache_write_5m_tokens::bigint + cache_write_1h_tokens), sum(charged_nano_usd)
from usage_logs
group by 1;
