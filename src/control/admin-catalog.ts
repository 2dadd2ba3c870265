/**
 * The catalog part of the admin API: users, groups, accounts. Making one that exists brings it to what was asked and says so
 * (`created: false`); opening balances are entered once. Primary only.
 */
import { formatNanoUsd, parseUsdToNano } from '#base/money.ts';
import type { AdminBody } from '#config/admin-bodies.ts';
import { reveal } from '#config/secret.ts';
import type { ControlContext } from './context.ts';
import { isoTime, json, problem, type Reply } from './reply.ts';
import { testAccount } from './test-account.ts';

export async function listUsers({ store }: ControlContext): Promise<Reply> {
  const users = await store.listUsers();
  return json(200, {
    users: users.map(({ createdAtMs, ...user }) => ({
      ...user,
      balanceUsd: formatNanoUsd(user.balanceNanoUsd),
      createdAt: isoTime(createdAtMs),
    })),
  });
}

export async function putUser({ store, publish }: ControlContext, body: AdminBody<'user'>): Promise<Reply> {
  const balanceNanoUsd = parseUsdToNano(body.balanceUsd);
  if (balanceNanoUsd === null) return problem(400, 'balanceUsd: expected US dollars with at most 9 decimals');
  const { name, concurrency, status } = body;
  const put = await store.putUser({ name, concurrency, status, balanceNanoUsd });
  await publish([]);
  return json(put.created ? 201 : 200, { ...put, name });
}

export async function listGroups({ store }: ControlContext): Promise<Reply> {
  const groups = await store.listGroups();
  return json(200, {
    groups: groups.map(({ createdAtMs, ...group }) => ({
      ...group,
      rateMultiplier: group.multiplierMicros / 1e6,
      createdAt: isoTime(createdAtMs),
    })),
  });
}

export async function putGroup({ store, publish }: ControlContext, body: AdminBody<'group'>): Promise<Reply> {
  const { name, platform, rateMultiplier, modelPlatforms } = body;
  const multiplierMicros = Math.round(rateMultiplier * 1e6);
  const put = await store.putGroup({ name, platform, multiplierMicros, modelPlatforms });
  await publish([]);
  return json(put.created ? 201 : 200, { ...put, name });
}

export async function listAccounts({ store }: ControlContext): Promise<Reply> {
  const accounts = await store.listAccounts();
  return json(200, {
    accounts: accounts.map(({ createdAtMs, ...account }) => ({ ...account, createdAt: isoTime(createdAtMs) })),
  });
}

export async function putAccount({ store, publish }: ControlContext, body: AdminBody<'account'>): Promise<Reply> {
  const put = await store.putAccount({ ...body, apiKey: reveal(body.apiKey) });
  await publish([]);
  return json(put.created ? 201 : 200, { ...put, name: body.name });
}

export async function setAccountStatus(
  { store, publish }: ControlContext,
  name: string,
  { status }: AdminBody<'accountStatus'>,
): Promise<Reply> {
  if (!(await store.setAccountStatus(name, status))) return problem(404, `there is no account named ${name}`);
  await publish([]);
  return json(200, { name, status });
}

/** The answer is 200 whatever the upstream said: the finding is in the body. */
export async function tryAccount({ store }: ControlContext, name: string): Promise<Reply> {
  const account = await store.findAccount(name);
  if (account === null) return problem(404, `there is no account named ${name}`);
  return json(200, { name, ...(await testAccount(account)) });
}
