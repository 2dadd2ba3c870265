/** Upstreams that stall: connecting, headers, silence and the whole each end at their own limit with their own error. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { FAILURES, type FailureCode } from '#failure/registry.ts';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { type Answer, question, send } from '../support/http-client.ts';
import { openStalledPort, type StalledPort } from '../support/stalled-port.ts';
import { type Plan, Upstream } from '../support/upstream.ts';

const CONNECT_MS = 600;
const HEADERS_MS = 1_500;
const IDLE_MS = 3_000;
const TOTAL_MS = 8_000;
/** Timers of the HTTP client are coarse, and threads may be held up. */
const LATE_MS = 4_000;

const PLANS: Record<string, Plan> = {
  'sk-up-headers': { breakAt: 'headers', breakHow: 'stall' },
  'sk-up-idle': { events: 30, breakAt: 10, breakHow: 'stall' },
  'sk-up-total': { events: 1000, paceMs: 50 },
  'sk-up-lively': { events: 40, paceMs: 80 },
  'sk-up-bodyless': { breakAt: 0, breakHow: 'stall' },
  'sk-up-cut': { events: 500, cutBytesMax: 500, breakAt: 10, breakHow: 'stall' },
};

let upstream: Upstream;
let stalled: StalledPort;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start({ plan: ({ apiKey }) => PLANS[apiKey] ?? {} });
  stalled = await openStalledPort();
  const names = ['connect', 'headers', 'idle', 'total', 'lively', 'bodyless', 'cut'];
  gateway = await TestGateway.start({
    catalog: {
      groups: names.map((name) => ({ name })),
      accounts: names.map((name) => account(name, name === 'connect' ? stalled.url : upstream.url, { groups: [name] })),
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 1000 }],
      keys: names.map((name) => ({ user: 'u1', group: name, key: `${KEY}-${name}` })),
    },
    relay: {
      connectTimeoutMs: CONNECT_MS,
      headersTimeoutMs: HEADERS_MS,
      idleTimeoutMs: IDLE_MS,
      totalTimeoutMs: TOTAL_MS,
      prewarm: 0,
    },
  });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
    () => stalled?.close(),
  );
});

function ask(name: string, stream: boolean): Promise<Answer> {
  return send(gateway.url, { key: `${KEY}-${name}`, body: question(name, { stream }) });
}

function assertEndedAt(answer: Answer, limitMs: number): void {
  assert.ok(answer.ms > limitMs * 0.9 && answer.ms < limitMs + LATE_MS, `${answer.ms} ms, limit ${limitMs}`);
}

const BEFORE_FIRST_BYTE: [string, number, FailureCode][] = [
  ['connect', CONNECT_MS, 'upstream_connect'],
  ['headers', HEADERS_MS, 'upstream_headers_timeout'],
  ['bodyless', IDLE_MS, 'upstream_idle_timeout'],
];

const WITHIN_STREAM: [string, number, FailureCode][] = [
  ['idle', IDLE_MS, 'upstream_idle_timeout'],
  ['total', TOTAL_MS, 'upstream_total_timeout'],
];

/** They wait at the same time. */
describe('limits', { concurrency: true }, () => {
  for (const [name, limitMs, code] of BEFORE_FIRST_BYTE) {
    test(`an upstream that stalls at "${name}" is answered ${FAILURES[code].status} at that limit`, async () => {
      for (const answer of await Promise.all([ask(name, false), ask(name, true)])) {
        assert.equal(answer.status, FAILURES[code].status);
        assert.ok(answer.json().error.message.startsWith(FAILURES[code].text), answer.json().error.message);
        assertEndedAt(answer, limitMs);
      }
    });
  }

  for (const [name, limitMs, code] of WITHIN_STREAM) {
    test(`a stream that meets the limit "${name}" ends there with an error event, never as a whole one`, async () => {
      const answer = await ask(name, true);
      const last = answer.events().at(-1)!;
      assert.equal(last.event, 'error');
      assert.match(JSON.stringify(last.data), new RegExp(FAILURES[code].text));
      assert.equal(answer.whole, false);
      assertEndedAt(answer, limitMs);
    });
  }

  test('a JSON answer that stalls in the middle is cut off, never ended as a whole one', async () => {
    const answer = await ask('cut', false).catch(() => null);
    assert.ok(answer === null || !answer.whole);
  });

  test('a stream that keeps talking outlives the limits on connecting, headers and silence', async () => {
    const answer = await ask('lively', true);
    assert.equal(answer.whole, true);
    assert.ok(answer.ms > IDLE_MS);
  });
});
