import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authorizeKey, authorizeModel } from '#auth/authorize.ts';
import { compileIpRules } from '#auth/ip-rules.ts';
import type { KeyEntry } from '#auth/key-cache.ts';
import type { Principal } from '#auth/principal.ts';
import { principalOf } from '../support/principal.ts';

function entry(change: Partial<Principal>): KeyEntry {
  const principal = principalOf(change);
  return { principal, ipRules: compileIpRules(principal.ipAllow, principal.ipDeny), loadedAtMs: 0, refreshAtMs: 0 };
}

const HOME = () => '127.0.0.1';

test('an active key of an active user passes; status and expiry are checked on every request', () => {
  assert.equal(authorizeKey(entry({}), 1000, HOME), null);
  assert.equal(authorizeKey(entry({ keyStatus: 'revoked' }), 1000, HOME), 'key_revoked');
  assert.equal(authorizeKey(entry({ userStatus: 'disabled' }), 1000, HOME), 'user_disabled');
  const expiring = entry({ expiresAtMs: 1000 });
  assert.equal(authorizeKey(expiring, 999, HOME), null);
  assert.equal(authorizeKey(expiring, 1000, HOME), 'key_expired');
});

test('an address must be allowed and not denied; deny wins', () => {
  const rules = entry({ ipAllow: ['10.0.0.0/8', '2001:db8::/32'], ipDeny: ['10.1.0.0/16'] });
  assert.equal(
    authorizeKey(rules, 0, () => '10.2.3.4'),
    null,
  );
  assert.equal(
    authorizeKey(rules, 0, () => '2001:db8::1'),
    null,
  );
  assert.equal(
    authorizeKey(rules, 0, () => '10.1.3.4'),
    'ip_denied',
  );
  assert.equal(authorizeKey(rules, 0, HOME), 'ip_denied');
  assert.equal(
    authorizeKey(rules, 0, () => ''),
    'ip_denied',
  );
});

test('an IPv4 address that arrives mapped into IPv6 is the same address', () => {
  const rules = entry({ ipAllow: ['127.0.0.1'] });
  assert.equal(
    authorizeKey(rules, 0, () => '0000:0000:0000:0000:0000:ffff:7f00:0001'),
    null,
  );
});

test('the address is not asked for when a key has no rules', () => {
  const code = authorizeKey(entry({}), 0, () => {
    throw new Error('the address was read');
  });
  assert.equal(code, null);
});

test('allowed models are exact names or prefixes with a star', () => {
  const some = entry({ allowedModels: ['claude-haiku-4-5', 'claude-sonnet-*'] });
  assert.equal(authorizeModel(some, 'claude-haiku-4-5'), null);
  assert.equal(authorizeModel(some, 'claude-sonnet-4-5'), null);
  assert.equal(authorizeModel(some, 'claude-haiku-4-5-20251001'), 'model_not_allowed');
  assert.equal(authorizeModel(entry({ allowedModels: [] }), 'x'), 'model_not_allowed');
  assert.equal(authorizeModel(entry({}), 'x'), null);
});
