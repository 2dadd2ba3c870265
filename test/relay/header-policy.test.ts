import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyResponseHeaders, mayForwardRequestHeader } from '#relay/header-policy.ts';
import { clientHeaders, forwardedQuery, makeTarget } from '#relay/target.ts';

test('credentials, cookies, addresses and hop-by-hop headers never reach an upstream', () => {
  for (const name of [
    'authorization',
    'x-api-key',
    'x-goog-api-key',
    'cookie',
    'host',
    'connection',
    'transfer-encoding',
    'content-length',
    'x-forwarded-for',
    'accept-encoding',
    'expect',
    'x-request-id',
    'origin',
  ]) {
    assert.equal(mayForwardRequestHeader(name), false, name);
  }
});

test("the protocol's own headers pass, also those nobody knows yet", () => {
  for (const name of [
    'anthropic-version',
    'anthropic-beta',
    'anthropic-some-new-thing',
    'x-stainless-retry-count',
    'x-claude-code-session-id',
    'user-agent',
    'content-type',
  ]) {
    assert.equal(mayForwardRequestHeader(name), true, name);
  }
});

test("an account's quota, its organization and its request id never reach a client", () => {
  const upstream = {
    'content-type': 'application/json',
    'anthropic-ratelimit-requests-remaining': '3',
    'anthropic-organization-id': 'org',
    'request-id': 'req_1',
    'x-request-id': 'req_2',
    'set-cookie': ['a=b'],
    'retry-after': '9',
    server: 'x',
  };
  const success: string[] = [];
  copyResponseHeaders(upstream, false, success);
  assert.deepEqual(success, ['content-type', 'application/json']);
  const callerFault: string[] = [];
  copyResponseHeaders(upstream, true, callerFault);
  assert.deepEqual(callerFault, ['content-type', 'application/json', 'retry-after', '9']);
});

test('a target joins the base path, and keys in the query stay behind', () => {
  const target = makeTarget({
    platform: 'anthropic',
    baseUrl: 'https://example.test/proxy/',
    apiKey: 'up',
    ca: null,
  } as never);
  assert.deepEqual([target.origin, target.base], ['https://example.test', '/proxy/v1']);
  assert.equal(forwardedQuery('beta=true&key=sk-ps-1'), '?beta=true');
  assert.equal(forwardedQuery('KEY=1'), '');
  assert.equal(forwardedQuery('monkey=1'), '?monkey=1');
  assert.deepEqual(target.headers.slice(0, 2), ['x-api-key', 'up']);
  const filledIn = ['user-agent', 'x', 'content-type', 'application/json'];
  assert.deepEqual(clientHeaders(['user-agent', 'x']), filledIn, 'a missing content-type is filled in');
  assert.deepEqual(clientHeaders(['content-type', 'a/b']), ['content-type', 'a/b']);
});
