/** A principal that may do everything, for tests; change what matters. */
import type { Principal } from '#auth/principal.ts';

export function principalOf(change: Partial<Principal> = {}): Principal {
  return {
    keyId: 1,
    keyHash: 'h',
    keyStatus: 'active',
    expiresAtMs: null,
    allowedModels: null,
    ipAllow: null,
    ipDeny: null,
    userId: 1,
    userName: 'u',
    userStatus: 'active',
    userRow: 0,
    userGeneration: 0,
    groupId: 1,
    groupName: 'g',
    multiplierMicros: 1_000_000,
    ...change,
  };
}
