-- Platforms beside Anthropic, and what their answers are billed by. The version before this one reads and writes what it knows: every new
-- column has a default, and those of usage_logs take null as well, since a staging table made like it copies `not null` without
-- the defaults. A null there was written by nobody.

alter table accounts drop constraint accounts_platform_check,
  add constraint accounts_platform_check check (platform in ('anthropic', 'openai', 'gemini', 'sora')),
  add column protocols text[], -- null: all that the platform speaks
  add column settings jsonb not null default '{}'; -- what only one kind of account needs

alter table groups drop constraint groups_platform_check,
  add constraint groups_platform_check check (platform in ('anthropic', 'openai', 'gemini', 'sora')),
  add column model_platforms jsonb not null default '{}'; -- model pattern → the platform that serves it

drop trigger if exists groups_notify on groups;
create trigger groups_notify after insert or update of name, platform, multiplier_micros, model_platforms or delete on groups
  for each row execute function penstock_notify_group();

alter table usage_logs
  add column protocol           text default 'messages', -- the client's
  add column upstream_protocol  text default 'messages', -- the account's
  add column service_tier       text default '', -- as billed; '' is the ordinary one
  add column reasoning_tokens   integer default 0, -- a part of output_tokens; the other classes do not overlap
  add column audio_input_tokens integer default 0,
  add column audio_output_tokens integer default 0,
  add column image_input_tokens integer default 0,
  add column image_output_tokens integer default 0,
  add column media_items        integer default 0, -- images or videos made
  add column media_seconds      integer default 0; -- of video

alter table usage_days
  add column reasoning_tokens    bigint not null default 0,
  add column audio_input_tokens  bigint not null default 0,
  add column audio_output_tokens bigint not null default 0,
  add column image_input_tokens  bigint not null default 0,
  add column image_output_tokens bigint not null default 0,
  add column media_items         bigint not null default 0,
  add column media_seconds       bigint not null default 0;

create or replace function penstock_sum_usage() returns trigger language plpgsql as $$
begin
  insert into usage_days as days (
    day, requests, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, charged_nano_usd, reasoning_tokens,
    audio_input_tokens, audio_output_tokens, image_input_tokens, image_output_tokens, media_items, media_seconds)
  select (created_at at time zone 'UTC')::date, count(*), sum(input_tokens), sum(output_tokens), sum(cache_read_tokens),
         sum(cache_write_5m_tokens::bigint + cache_write_1h_tokens), sum(charged_nano_usd),
         coalesce(sum(reasoning_tokens), 0), coalesce(sum(audio_input_tokens), 0), coalesce(sum(audio_output_tokens), 0),
         coalesce(sum(image_input_tokens), 0), coalesce(sum(image_output_tokens), 0), coalesce(sum(media_items), 0),
         coalesce(sum(media_seconds), 0)
  from inserted
  group by 1
  order by 1 -- two writers take the rows in one order
  on conflict (day) do update
  set requests            = days.requests            + excluded.requests,
      input_tokens        = days.input_tokens        + excluded.input_tokens,
      output_tokens       = days.output_tokens       + excluded.output_tokens,
      cache_read_tokens   = days.cache_read_tokens   + excluded.cache_read_tokens,
      cache_write_tokens  = days.cache_write_tokens  + excluded.cache_write_tokens,
      charged_nano_usd    = days.charged_nano_usd    + excluded.charged_nano_usd,
      reasoning_tokens    = days.reasoning_tokens    + excluded.reasoning_tokens,
      audio_input_tokens  = days.audio_input_tokens  + excluded.audio_input_tokens,
      audio_output_tokens = days.audio_output_tokens + excluded.audio_output_tokens,
      image_input_tokens  = days.image_input_tokens  + excluded.image_input_tokens,
      image_output_tokens = days.image_output_tokens + excluded.image_output_tokens,
      media_items         = days.media_items         + excluded.media_items,
      media_seconds       = days.media_seconds       + excluded.media_seconds;
  return null;
end
$$;
