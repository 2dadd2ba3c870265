-- Media jobs: one row from before the upstream is asked for it until it is paid or has failed. It outlives its client and its process:
-- whoever starts on the same data folder (`home`) goes on with the open ones. The version before this one does not know the table.
--
--   creating ──► running ──► succeeded ──► charged            failed, cancelled, refused, lost: not charged
--      └──► unknown: a process died while the upstream was asked, and whether it made a job cannot be found out

create table jobs (
  id                uuid primary key, -- the request's id
  home              text not null,
  state             text not null check (state in ('creating', 'running', 'succeeded', 'charged', 'failed', 'cancelled', 'refused',
                                                   'lost', 'unknown')),
  kind              text not null check (kind in ('image', 'video')),
  user_id           integer not null references users (id),
  key_id            integer not null references keys (id),
  group_id          integer not null references groups (id),
  account_id        integer not null references accounts (id),
  upstream_id       text, -- null until the upstream has given one
  model             text not null, -- as the client named it
  upstream_model    text not null,
  prompt            text not null,
  size              text not null,
  seconds           integer not null, -- of video
  stream            boolean not null,
  cost_nano_usd     bigint not null,
  charged_nano_usd  bigint not null, -- what it will cost the user
  multiplier_micros integer not null,
  attempts          integer not null default 1,
  queue_ms          integer not null default 0,
  client_request_id text not null default '',
  urls              text[] not null default '{}', -- of what was made, where the upstream names them
  error             text not null default '',
  created_at        timestamptz not null,
  updated_at        timestamptz not null default now()
);

create index jobs_open on jobs (home) where state in ('creating', 'running', 'succeeded');
create index jobs_upstream on jobs (account_id, upstream_id) where upstream_id is not null;
create index jobs_ended on jobs (updated_at) where state not in ('creating', 'running', 'succeeded');
