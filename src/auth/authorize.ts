/**
 * Whether a resolved key may make this request. Pure decisions over what they are handed.
 */

import { matchesModel } from '#base/model-pattern.ts';
import type { FailureCode } from '#failure/registry.ts';
import type { KeyEntry } from './key-cache.ts';

/** Before the body is received. `clientIp` is asked for only when the key has IP rules. */
export function authorizeKey(entry: KeyEntry, wallNowMs: number, clientIp: () => string): FailureCode | null {
  const { principal, ipRules } = entry;
  if (principal.keyStatus !== 'active') return 'key_revoked';
  if (principal.expiresAtMs !== null && principal.expiresAtMs <= wallNowMs) return 'key_expired';
  if (principal.userStatus !== 'active') return 'user_disabled';
  if (ipRules !== null && !ipRules.permits(clientIp())) return 'ip_denied';
  return null;
}

/** After the scan has found the model; '' is none, for what needs none. */
export function authorizeModel(entry: KeyEntry, model: string): FailureCode | null {
  const allowed = entry.principal.allowedModels;
  return allowed === null || model === '' || matchesModel(allowed, model) ? null : 'model_not_allowed';
}
