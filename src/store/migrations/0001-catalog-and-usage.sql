-- The catalog (users, groups, accounts, keys), the money (balances, ledger) and the usage log with its fence.
-- Money is integer nano-USD; ids are small integers handed out here; names are unique and what the configuration file goes by.

create table users (
  id          integer generated always as identity primary key,
  name        text not null unique check (name <> ''),
  concurrency integer not null check (concurrency > 0),
  status      text not null default 'active' check (status in ('active', 'disabled')),
  created_at  timestamptz not null default now()
);

-- Apart from users, so that billing a batch never fires the catalog's notifications.
create table balances (
  user_id  integer primary key references users (id),
  nano_usd bigint not null
) with (fillfactor = 70); -- updated by every batch: room for heap-only updates

-- What changed a balance other than usage: opening balances, top-ups. `ref` makes each entry once only.
create table ledger_entries (
  id         bigint generated always as identity primary key,
  user_id    integer not null references users (id),
  kind       text not null check (kind in ('opening', 'topup', 'correction')),
  nano_usd   bigint not null,
  ref        text not null,
  created_at timestamptz not null default now(),
  unique (user_id, kind, ref)
);

create table groups (
  id                integer generated always as identity primary key,
  name              text not null unique check (name <> ''),
  platform          text not null check (platform in ('anthropic')),
  multiplier_micros integer not null check (multiplier_micros >= 0),
  created_at        timestamptz not null default now()
);

create table accounts (
  id          integer generated always as identity primary key,
  name        text not null unique check (name <> ''),
  platform    text not null check (platform in ('anthropic')),
  type        text not null check (type in ('apikey')),
  base_url    text not null,
  api_key     text not null,
  concurrency integer not null check (concurrency > 0),
  priority    integer not null,
  status      text not null default 'active' check (status in ('active', 'disabled')),
  models      text[], -- null serves every model
  model_map   jsonb not null default '{}',
  created_at  timestamptz not null default now()
);

create table account_groups (
  account_id integer not null references accounts (id),
  group_id   integer not null references groups (id),
  primary key (account_id, group_id)
);

create table keys (
  id             integer generated always as identity primary key,
  key_hash       text not null unique check (key_hash ~ '^[0-9a-f]{64}$'), -- SHA-256, hex; serves the authentication lookup
  prefix         text not null, -- what a listing may show of the key
  name           text not null default '',
  user_id        integer not null references users (id),
  group_id       integer not null references groups (id),
  status         text not null default 'active' check (status in ('active', 'revoked')),
  expires_at     timestamptz,
  allowed_models text[],
  ip_allow       text[],
  ip_deny        text[],
  created_at     timestamptz not null default now()
);
create index keys_user_id on keys (user_id);   -- a user's keys: notifications, listings
create index keys_group_id on keys (group_id); -- a group's keys: notifications

-- One row a billed exchange. created_at is the millisecond inside the UUIDv7 request_id, so the unique index below is unique
-- by request_id although every partition needs created_at in it.
create table usage_logs (
  request_id           uuid not null,
  created_at           timestamptz not null,
  user_id              integer not null,
  key_id               integer not null,
  group_id             integer not null,
  account_id           integer not null,
  model                text not null,
  upstream_model       text not null,
  stream               boolean not null,
  status               text not null,
  usage_source         text not null,
  http_status          smallint not null,
  input_tokens         integer not null,
  output_tokens        integer not null,
  cache_read_tokens    integer not null,
  cache_write_5m_tokens integer not null,
  cache_write_1h_tokens integer not null,
  web_search_requests  integer not null,
  cost_nano_usd        bigint not null,
  charged_nano_usd     bigint not null,
  multiplier_micros    integer not null,
  attempts             smallint not null,
  queue_ms             integer not null,
  first_byte_ms        integer not null,
  duration_ms          integer not null,
  client_request_id    text not null,
  upstream_request_id  text not null
) partition by range (created_at);
-- Time first: the same index serves "once only", "newest rows" and, because the time is inside the id, "the row of this id".
create unique index usage_logs_once on usage_logs (created_at, request_id);
create index usage_logs_user on usage_logs (user_id, created_at);       -- one user's rows and windows
create index usage_logs_key on usage_logs (key_id, created_at);         -- one key's rows and windows
create index usage_logs_account on usage_logs (account_id, created_at); -- one account's rows and windows

-- Catches what no month's partition takes; rows in it raise an alarm.
create table usage_logs_default partition of usage_logs default;

-- How far a journal is in usage_logs: moved in the transaction that inserts the rows, compared with its old value.
create table usage_fence (
  journal_id  uuid primary key,
  segment     bigint not null,
  byte_offset bigint not null,
  updated_at  timestamptz not null default now()
);
