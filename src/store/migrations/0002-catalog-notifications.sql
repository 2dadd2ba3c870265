-- Tells every listener on penstock_catalog what changed: {"table", "id", "keyHashes"?}. keyHashes names the keys whose cached
-- principals are wrong now; an empty list stands for all of them. Balances live in a table of their own and never notify.

-- Hashes of at most 100 keys (a payload holds 8,000 bytes); null when there are none, an empty list when there are more.
create function penstock_key_hashes(hashes text[]) returns jsonb language sql immutable as $$
  select case
    when coalesce(cardinality(hashes), 0) = 0 then null
    when cardinality(hashes) > 100 then '[]'::jsonb
    else to_jsonb(hashes)
  end
$$;

create function penstock_notify_key() returns trigger language plpgsql as $$
declare
  hashes text[] := array_remove(array[
    case when tg_op <> 'INSERT' then old.key_hash end,
    case when tg_op <> 'DELETE' and (tg_op = 'INSERT' or new.key_hash <> old.key_hash) then new.key_hash end
  ], null);
begin
  perform pg_notify('penstock_catalog', jsonb_build_object(
    'table', 'keys',
    'id', case when tg_op = 'DELETE' then old.id else new.id end,
    'keyHashes', to_jsonb(hashes))::text);
  return null;
end
$$;
create trigger keys_notify after insert or update or delete on keys
  for each row execute function penstock_notify_key();

-- A user without keys is in nobody's cache.
create function penstock_notify_user() returns trigger language plpgsql as $$
declare
  hashes jsonb := penstock_key_hashes(array(select key_hash from keys where user_id = new.id limit 101));
begin
  if hashes is not null then
    perform pg_notify('penstock_catalog', jsonb_build_object('table', 'users', 'id', new.id, 'keyHashes', hashes)::text);
  end if;
  return null;
end
$$;
create trigger users_notify after update of name, concurrency, status on users
  for each row when (old.* is distinct from new.*) execute function penstock_notify_user();

create function penstock_notify_group() returns trigger language plpgsql as $$
declare
  group_key integer := case when tg_op = 'DELETE' then old.id else new.id end;
begin
  perform pg_notify('penstock_catalog', jsonb_build_object(
    'table', 'groups',
    'id', group_key,
    'keyHashes', coalesce(
      penstock_key_hashes(array(select key_hash from keys where group_id = group_key limit 101)), '[]'))::text);
  return null;
end
$$;
create trigger groups_notify after insert or update of name, platform, multiplier_micros or delete on groups
  for each row execute function penstock_notify_group();

create function penstock_notify_account() returns trigger language plpgsql as $$
begin
  perform pg_notify('penstock_catalog', jsonb_build_object(
    'table', 'accounts',
    'id', case when tg_op = 'DELETE' then old.id else new.id end)::text);
  return null;
end
$$;
create trigger accounts_notify after insert or update or delete on accounts
  for each row execute function penstock_notify_account();

create function penstock_notify_account_group() returns trigger language plpgsql as $$
begin
  perform pg_notify('penstock_catalog', jsonb_build_object(
    'table', 'account_groups',
    'id', case when tg_op = 'DELETE' then old.account_id else new.account_id end)::text);
  return null;
end
$$;
create trigger account_groups_notify after insert or update or delete on account_groups
  for each row execute function penstock_notify_account_group();
