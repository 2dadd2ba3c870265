/**
 * What a reload may not change, because it belongs to the supervisor or to both gateway processes at once: that takes a restart.
 * With `threads.fronts: 0` there is no other process to take over. Supervisor process only.
 */
import { resolve } from 'node:path';
import { ConfigError } from '#config/config-error.ts';
import type { Config } from '#config/schema.ts';
import { reveal } from '#config/secret.ts';

/** Throws ConfigError naming every such key. */
export function checkReload(before: Config, after: Config): void {
  const changed = [];
  if (resolve(before.data) !== resolve(after.data)) changed.push('data');
  if (before.threads.fronts === 0 || after.threads.fronts === 0) changed.push('threads.fronts: 0');
  if (urlOf(before) !== urlOf(after)) changed.push('database.url');
  if (changed.length > 0)
    throw new ConfigError(changed.map((key) => `${key}: cannot be changed by a reload; restart the gateway`));
}

function urlOf({ database }: Config): string | null {
  return database.url === null ? null : reveal(database.url);
}
