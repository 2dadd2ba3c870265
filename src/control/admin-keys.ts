/**
 * The key part of the admin API. A key is generated here, shown in the one answer to its creation, and stored as hash and
 * prefix only. Primary only.
 */
import { generateKey, hashKey, keyPrefix } from '#auth/key.ts';
import type { AdminBody } from '#config/admin-bodies.ts';
import type { ControlContext } from './context.ts';
import { isoTime, json, problem, type Reply } from './reply.ts';

export async function listKeys({ store }: ControlContext): Promise<Reply> {
  const keys = await store.listKeys();
  return json(200, {
    keys: keys.map(({ createdAtMs, expiresAtMs, ...key }) => ({
      ...key,
      expiresAt: expiresAtMs === null ? null : isoTime(expiresAtMs),
      createdAt: isoTime(createdAtMs),
    })),
  });
}

export async function createKey({ store, publish }: ControlContext, body: AdminBody<'key'>): Promise<Reply> {
  const key = generateKey();
  const keyHash = hashKey(key);
  const { expiresAt, ...wish } = body;
  const expiresAtMs = expiresAt === null ? null : Date.parse(expiresAt);
  const { id } = await store.putKey({ ...wish, keyHash, prefix: keyPrefix(key), expiresAtMs });
  await publish([keyHash]);
  return json(201, { id, key, prefix: keyPrefix(key), user: body.user, group: body.group });
}

/**
 * Takes the key itself, an id, or the beginning of a display prefix. What several keys share revokes none of them: the answer names
 * the ids to choose from.
 */
export async function revokeKey({ store, publish }: ControlContext, body: AdminBody<'revoke'>): Promise<Reply> {
  const named = body.key;
  const keyHash = hashKey(named);
  const id = /^\d{1,9}$/.test(named) ? Number(named) : null;
  const matches = await store.matchKeys({ keyHash, id, prefix: named });
  const exact = matches.find((match) => match.keyHash === keyHash) ?? matches.find((match) => match.id === id);
  const chosen = exact === undefined ? matches : [exact];
  const [key] = chosen;
  if (key === undefined) return problem(404, 'there is no such key');
  if (chosen.length > 1) {
    const ids = chosen.map((match) => match.id).join(', ');
    return problem(409, `${chosen.length} keys begin so: name one by its id (${ids})`);
  }
  await store.revokeKey(key.id);
  await publish([key.keyHash]);
  return json(200, { id: key.id, prefix: key.prefix });
}
