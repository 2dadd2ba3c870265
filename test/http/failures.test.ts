/**
 * Every refusal of the registry, provoked over HTTP. A test that provokes one checks status, type, text and retry hints against
 * the registry's row and crosses the code off; the last test holds the list to be complete.
 */
import assert from 'node:assert/strict';
import { Agent, type IncomingMessage } from 'node:http';
import { after, before, test } from 'node:test';
import { FAILURE_CODES, FAILURES, type FailureCode } from '#failure/registry.ts';
import { closeAll } from '../support/close-all.ts';
import { freePort } from '../support/free-port.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import {
  type Answer,
  type Call,
  finish,
  open,
  parseEvents,
  pinToFronts,
  question,
  readUntil,
  send,
  sendRaw,
} from '../support/http-client.ts';
import { pausePostgres, resumePostgres } from '../support/postgres-pause.ts';
import { type Plan, type Received, Upstream } from '../support/upstream.ts';
import { waitFor } from '../support/wait-for.ts';

/** `internal` cannot be provoked from outside: it answers a bug. `record_not_durable` takes a full disk: `disk-full.test.ts`. */
const ELSEWHERE: FailureCode[] = [
  // http/crossings.test.ts
  'crossing_unsupported',
  // http/compressed-faults.test.ts, http/crossed-errors.test.ts
  'answer_budget_exhausted',
  // http/affinity.test.ts
  'response_unknown',
  // http/websocket.test.ts, http/websocket-bounds.test.ts, http/websocket-models.test.ts
  'upgrade_required',
  'turn_in_progress',
  'websocket_expired',
  'websocket_unserved',
  'websockets_exhausted',
  // http/sora.test.ts, http/sora-limits.test.ts, http/sora-crash.test.ts
  'platform_unsupported',
  'media_unreadable',
  'job_refused',
  'link_invalid',
  'media_unknown',
  'jobs_unavailable',
  'jobs_exhausted',
  'job_failed',
  'job_cancelled',
  'job_timeout',
  'unknown_outcome',
  'internal',
  'record_not_durable',
];

const FRONTS = 3;
const EXCHANGES_PER_FRONT = 12;
const USER_ROWS = 16;
const WAIT_MS = 1_500;

const seen = new Set<FailureCode>();
let upstream: Upstream;
let selfSigned: Upstream;
let gateway: TestGateway;

/** What the upstream does is decided by the account that was chosen: each group has one of its own. */
const PLANS: Record<string, Plan> = {
  'sk-up-auth': { status: 401 },
  'sk-up-limited': { status: 429, headers: { 'retry-after': '40' } },
  'sk-up-overloaded': { status: 529 },
  'sk-up-error': { status: 500 },
  'sk-up-broken': { breakAt: 'headers', breakHow: 'reset' },
  'sk-up-silent': { breakAt: 'headers', breakHow: 'stall' },
  'sk-up-stalling': { events: 20, breakAt: 5, breakHow: 'stall' },
  'sk-up-endless': { events: 1000, paceMs: 100 },
};

function plan(request: Received): Plan {
  if (request.label.startsWith('hold')) return { events: 1000, paceMs: 100 };
  return PLANS[request.apiKey] ?? {};
}

/** A group with one account, and a key of user u1 named after it. */
function scene(name: string, baseUrl: string, fields: object = {}): Record<string, object[]> {
  return {
    groups: [{ name }],
    accounts: [account(name, baseUrl, { groups: [name], ...fields })],
    keys: [{ user: 'u1', group: name, key: `${KEY}-${name}` }],
  };
}

function mergeCatalogs(...parts: Record<string, object[]>[]): Record<string, object[]> {
  const merged: Record<string, object[]> = { groups: [], accounts: [], users: [], keys: [] };
  for (const part of parts) for (const [name, rows] of Object.entries(part)) merged[name]!.push(...rows);
  return merged;
}

function person(name: string, user: object = {}, key: object = {}): Record<string, object[]> {
  return {
    users: [{ name, balanceUsd: 1000, concurrency: 1000, ...user }],
    keys: [{ user: name, group: 'plain', key: `${KEY}-${name}`, ...key }],
  };
}

before(async () => {
  upstream = await Upstream.start({ plan });
  selfSigned = await Upstream.start({ tls: true });
  const names = ['plain', 'auth', 'limited', 'overloaded', 'error', 'broken', 'silent', 'stalling', 'endless'];
  const catalog = mergeCatalogs(
    person('u1'),
    ...names.map((name) => scene(name, upstream.url)),
    scene('narrow', upstream.url, { concurrency: 1 }),
    scene('picky', upstream.url, { models: ['claude-opus-*'] }),
    scene('closed', `http://127.0.0.1:${await freePort()}`),
    scene('selfsigned', selfSigned.url),
    person('single', { concurrency: 1 }),
    person('poor', { balanceUsd: 0 }),
    person('off', { status: 'disabled' }),
    person('late', {}, { expiresAt: '2026-01-01T00:00:00Z' }),
    person('elsewhere', {}, { ipAllow: ['10.0.0.0/8'] }),
    person('modest', {}, { allowedModels: ['claude-opus-*'] }),
    person('leaver'),
    { keys: [{ user: 'u1', group: 'plain', key: `${KEY}-cold` }] },
  );
  gateway = await TestGateway.start({
    catalog,
    threads: { fronts: FRONTS },
    limits: {
      bodyBytesMax: 700_000,
      bodyBytesTotal: 1_048_576,
      exchangesPerFront: EXCHANGES_PER_FRONT,
      users: USER_ROWS,
    },
    edge: { bodyStallMs: 1_500, bodyWaitMs: 100 },
    queue: { perUser: 1, perAccount: 1, waitMs: WAIT_MS },
    relay: { headersTimeoutMs: 2_500, idleTimeoutMs: 2_500, totalTimeoutMs: 5_000, attempts: 2 },
    auth: { lookupTimeoutMs: 1_500 },
    usage: { ringBytes: 65_536 },
    rest: { errorsBeforeRest: 1000 },
  });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
    () => selfSigned?.close(),
  );
});

function ask(keyEnd: string, call: Partial<Call> & { fields?: object; label?: string } = {}): Promise<Answer> {
  const { fields, label, ...rest } = call;
  return send(gateway.url, { key: `${KEY}-${keyEnd}`, body: question(label ?? keyEnd, fields), ...rest });
}

/** Checks an answer against the registry's row and crosses the code off. */
function cross(code: FailureCode, answer: Answer): void {
  const { status, anthropicType, text, retry } = FAILURES[code];
  const { error } = answer.json();
  assert.ok(error.message.startsWith(text), `${answer.status} ${error.message}`);
  assert.equal(answer.status, status);
  assert.equal(error.type, anthropicType);
  assert.equal(answer.headers['content-type'], 'application/json');
  if (retry === 'never') assert.equal(answer.headers['x-should-retry'], 'false');
  if (retry === 'later') assert.ok(Number(answer.headers['retry-after']) >= 1);
  else assert.equal(answer.headers['retry-after'], undefined);
  seen.add(code);
}

/** The same for a stream that broke: the last event is the protocol's error event, and the body does not end as a whole one. */
function crossStream(code: FailureCode, answer: Answer): void {
  const last = answer.events().at(-1)!;
  assert.equal(answer.status, 200);
  assert.equal(last.event, 'error');
  const { error } = last.data as { error: { type: string; message: string } };
  assert.ok(error.message.startsWith(FAILURES[code].text), error.message);
  assert.equal(error.type, FAILURES[code].anthropicType);
  assert.equal(answer.whole, false, 'a broken stream must not look whole');
  assert.doesNotMatch(answer.body.toString('utf8'), /message_stop/);
  seen.add(code);
}

/** An answer that has begun and stays open until its client leaves. */
async function hold(keyEnd: string, label: string): Promise<IncomingMessage> {
  const body = question(`hold-${label}`, { stream: true });
  const response = await open(gateway.url, { key: `${KEY}-${keyEnd}`, body });
  await readUntil(response, 'content_block_start');
  return response;
}

async function letGo(held: IncomingMessage[]): Promise<void> {
  for (const response of held) response.destroy();
  await gateway.assertIdle();
}

test('keys: missing, unknown, expired, revoked, of a disabled user, from a wrong address', async () => {
  cross('key_missing', await send(gateway.url, { body: question('x') }));
  cross('key_unknown', await ask('nobody'));
  cross('key_unknown', await ask('nobody'));
  cross('key_expired', await ask('late'));
  cross('user_disabled', await ask('off'));
  cross('ip_denied', await ask('elsewhere'));
  assert.equal((await ask('leaver')).status, 200);
  const { code, stderr } = await gateway.cli('key', 'revoke', `${KEY}-leaver`);
  assert.equal(code, 0, stderr);
  cross(
    'key_revoked',
    await waitFor('the revocation', async () => {
      const answer = await ask('leaver');
      return answer.status !== 200 && answer;
    }),
  );
});

test('models: not allowed to the key, unknown to the group, without a price', async () => {
  cross('model_not_allowed', await ask('modest'));
  cross('model_unknown', await ask('picky'));
  cross('model_unpriced', await ask('plain', { fields: { model: 'no-such-model' } }));
});

test('requests: wrong path, method, header, body, field, encoding, size, and too slow', async () => {
  cross('path_unknown', await ask('plain', { path: '/v1/nothing' }));
  cross('method_not_allowed', await ask('plain', { method: 'PUT' }));
  cross('body_empty', await ask('plain', { body: '' }));
  cross('body_malformed', await ask('plain', { body: '{' }));
  cross('field_invalid', await ask('plain', { body: { model: 1 } }));
  cross('media_unsupported', await ask('plain', { headers: { 'content-type': 'multipart/form-data; boundary=x' } }));
  cross('encoding_unsupported', await ask('plain', { headers: { 'content-encoding': 'compress' } }));
  const agent = new Agent({ keepAlive: true });
  cross('body_too_large', await ask('plain', { body: 'x'.repeat(800_000), agent }));
  agent.destroy();
  const head = `POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: ${KEY}-plain\r\n`;
  const twice = await sendRaw(gateway.url, [`${head}content-length: 2\r\ncontent-length: 2\r\n\r\n{}`]);
  assert.match(twice.text, new RegExp(`^HTTP/1.1 400[^]*${FAILURES.header_invalid.text}`));
  seen.add('header_invalid');
  const slow = await sendRaw(gateway.url, [`${head}content-length: 9\r\n\r\n{`]);
  assert.match(slow.text, new RegExp(`^HTTP/1.1 408[^]*${FAILURES.body_timeout.text}`));
  seen.add('body_timeout');
});

test('a balance that does not cover the request', async () => {
  cross('balance_exhausted', await ask('poor'));
});

test('an upstream that refuses the account', async () => {
  cross('upstream_auth', await ask('auth'));
  cross('accounts_resting', await ask('auth'));
});

test('an upstream that rate limits the account', async () => {
  cross('upstream_rate_limited', await ask('limited'));
  const resting = await ask('limited');
  cross('accounts_rate_limited', resting);
  const seconds = Number(resting.headers['retry-after']);
  assert.ok(seconds > 35 && seconds <= 40, `retry-after ${seconds} of 40`);
});

test('an upstream that is overloaded, fails, or breaks off', async () => {
  cross('upstream_overloaded', await ask('overloaded'));
  cross('upstream_error', await ask('error'));
  cross('upstream_broken', await ask('broken'));
});

test('an upstream that cannot be reached or shows a certificate nobody signed', async () => {
  cross('upstream_connect', await ask('closed'));
  const answer = await ask('selfsigned');
  cross('upstream_tls', answer);
  assert.equal(selfSigned.received.length, 0, 'nothing was sent to it');
});

test('an upstream that never answers, goes silent, or takes for ever', async () => {
  const fields = { stream: true };
  const answers = await Promise.all([ask('silent'), ask('stalling', { fields }), ask('endless', { fields })]);
  cross('upstream_headers_timeout', answers[0]);
  crossStream('upstream_idle_timeout', answers[1]);
  crossStream('upstream_total_timeout', answers[2]);
});

test('the one place of a user or an account is held: one more may wait and waits in vain, the next is refused at once', async () => {
  const cases = [
    ['single', 'user_busy', 'user_wait_timeout'],
    ['narrow', 'accounts_busy', 'accounts_wait_timeout'],
  ] as const;
  const inVain = async ([keyEnd, busy, timeout]: (typeof cases)[number]): Promise<IncomingMessage> => {
    const held = await hold(keyEnd, keyEnd);
    const answers = await Promise.all([ask(keyEnd, { label: 'a' }), ask(keyEnd, { label: 'b' })]);
    const [first, second] = answers.toSorted((a, b) => a.ms - b.ms);
    cross(busy, first!);
    assert.ok(first!.ms < WAIT_MS * 0.9, `${first!.ms} ms`);
    cross(timeout, second!);
    assert.ok(second!.ms >= WAIT_MS * 0.9 && second!.ms < WAIT_MS + 10_000, `${second!.ms} ms`);
    return held;
  };
  await letGo(await Promise.all(cases.map(inVain)));
});

test('more open exchanges than a front may hold', async () => {
  const body = question('hold-many', { stream: true });
  // At once, as none of them stays open for long.
  const tooMany = Array.from({ length: FRONTS * EXCHANGES_PER_FRONT + 1 }, () =>
    open(gateway.url, { key: `${KEY}-plain`, body }),
  );
  const held: IncomingMessage[] = [];
  for (const response of await Promise.all(tooMany)) {
    if (response.statusCode === 200) held.push(response);
    else cross('exchanges_exhausted', await finish(response));
  }
  assert.ok(seen.has('exchanges_exhausted'), 'no bound was met');
  await letGo(held);
});

test('more bytes of bodies than all requests together may hold', async () => {
  const head = `POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: ${KEY}-plain\r\ncontent-length: 600000\r\n\r\n{`;
  const answers = await Promise.all([1, 2, 3].map(() => sendRaw(gateway.url, [head])));
  const refused = answers.filter(({ text }) => text.includes(FAILURES.body_budget_exhausted.text));
  assert.ok(refused.length >= 1, answers.map(({ text }) => text.slice(0, 60)).join(' | '));
  assert.ok(refused.every(({ status }) => status === 503));
  seen.add('body_budget_exhausted');
  await gateway.assertIdle();
  assert.equal((await ask('plain')).status, 200, 'the bytes were given back');
});

test('keys cannot be checked while PostgreSQL does not answer; known ones go on', async () => {
  await waitFor('a cached key on each front', async () => {
    const pins = await pinToFronts(gateway.url, FRONTS);
    for (const { agent } of pins) {
      assert.equal((await ask('plain', { agent })).status, 200);
      agent.destroy();
    }
    return true;
  });
  const paused = pausePostgres(gateway.dataDir);
  try {
    cross('auth_unavailable', await ask('cold'));
    assert.equal((await ask('plain')).status, 200);
  } finally {
    resumePostgres(paused);
  }
});

test('more users at once than there are rows', async () => {
  const held: IncomingMessage[] = [];
  const keys: string[] = [];
  for (let i = 0; i <= USER_ROWS; i++) {
    await gateway.admin('POST', '/users', { name: `extra${i}`, balanceUsd: '10' });
    const { key } = await gateway.admin<{ key: string }>('POST', '/keys', { user: `extra${i}`, group: 'plain' });
    keys.push(key);
  }
  // At once, as none of them stays open for long.
  const body = question('hold-row', { stream: true });
  for (const response of await Promise.all(keys.map((key) => open(gateway.url, { key, body })))) {
    if (response.statusCode === 200) held.push(response);
    else cross('rows_exhausted', await finish(response));
  }
  assert.ok(seen.has('rows_exhausted'));
  await letGo(held);
  await waitFor('rows of users who are not busy to be taken back', async () => (await ask('plain')).status === 200);
});

test('no room for another usage record', async () => {
  await gateway.terminate();
  await gateway.launch({
    threads: { fronts: 1 },
    limits: { exchangesPerFront: 1000 },
    queue: { perUser: 64, perAccount: 64 },
    relay: {},
  });
  const held: IncomingMessage[] = [];
  while (!seen.has('usage_backlog')) {
    assert.ok(held.length <= 64, 'no bound was met');
    const body = question('hold-ring', { stream: true });
    const response = await open(gateway.url, { key: `${KEY}-plain`, body });
    if (response.statusCode === 200) held.push(response);
    else cross('usage_backlog', await finish(response));
  }
  await letGo(held);
  assert.equal((await ask('plain')).status, 200, 'the room was given back');
});

test('a gateway that is shutting down refuses new work on open connections and ends what outlives the deadline', async () => {
  await gateway.terminate();
  await gateway.launch({ threads: { fronts: 1 }, relay: {}, shutdown: { drainMs: 3_000 } });
  const held = await hold('plain', 'drain');
  const [pinned] = await pinToFronts(gateway.url, 1);
  const ending = gateway.terminate();
  await waitFor('a closed listener', () =>
    send(gateway.url, { method: 'GET', path: '/healthz' }).then(
      () => false,
      () => true,
    ),
  );
  cross('draining', await ask('plain', { agent: pinned!.agent }));
  const rest = await finish(held);
  pinned!.agent.destroy();
  assert.equal(await ending, 0);
  assert.match(rest.body.toString('utf8'), /event: error/);
  assert.equal(parseEvents(rest.body).at(-1)!.event, 'error');
});

test('every refusal of the registry has been seen', () => {
  const missing = FAILURE_CODES.filter((code) => !seen.has(code) && !ELSEWHERE.includes(code));
  assert.deepEqual(missing, []);
});
