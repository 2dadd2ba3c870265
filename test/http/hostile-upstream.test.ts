/**
 * Upstreams that answer what HTTP forbids, or at the wrong moment: each ends in its stated failure, the next request is not hurt by it,
 * no place is lost, and nobody ever gets another one's answer.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { FAILURES, type FailureCode } from '#failure/registry.ts';
import { jsonMessage } from '../support/anthropic-answer.ts';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { type Answer, question, send } from '../support/http-client.ts';
import { metric } from '../support/metrics.ts';
import { type RawCall, type RawScript, RawUpstream } from '../support/raw-upstream.ts';
import { usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

const HEADERS_MS = 2_000;
const TOTAL_MS = 4_000;

const USAGE = { inputTokens: 21, outputTokens: 9, cacheReadTokens: 0, cacheWrite5mTokens: 0, cacheWrite1hTokens: 0 };
const SHAPE = { id: 'msg_raw', model: 'm', usage: USAGE, events: 4, eventChars: 20, thinking: false, tool: false };
const JSON_BODY = jsonMessage(SHAPE);

function latin1(bytes: Buffer): string {
  return bytes.toString('latin1');
}

/** A whole answer with more lines in its head. */
function whole(lines: string[] = [], body = JSON_BODY, type = 'application/json'): string {
  const head = ['HTTP/1.1 200 OK', `content-type: ${type}`, `content-length: ${body.length}`, ...lines, '', ''];
  return head.join('\r\n') + latin1(body);
}

function headOnly(...lines: string[]): string {
  return ['HTTP/1.1 200 OK', 'content-type: application/json', ...lines, '', ''].join('\r\n');
}

function inChunks(body: Buffer, tail = '\r\n'): string {
  return `${body.length.toString(16)}\r\n${latin1(body)}\r\n0\r\n${tail}`;
}

function writes(text: string, then: 'keep' | 'end' = 'keep'): RawScript {
  return {
    when: 'body',
    answer: ({ socket }) => {
      socket.write(text, 'latin1');
      if (then === 'end') socket.end();
    },
  };
}

/** For as long as the connection lives. */
async function repeat(socket: RawCall['socket'], text: string): Promise<void> {
  while (!socket.destroyed) {
    socket.write(text, 'latin1');
    await sleep(20);
  }
}

/** By the group, which is the first segment of the account's path. */
const FAILS: Record<string, [script: RawScript, code: FailureCode]> = {
  'a status line of garbage': [writes('HTTP/9.9 banana\r\n\r\n'), 'upstream_broken'],
  'no HTTP at all': [writes('SSH-2.0-OpenSSH_9.2\r\n'), 'upstream_broken'],
  'nothing but an end': [writes('', 'end'), 'upstream_broken'],
  'a head without its end': [writes('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n', 'end'), 'upstream_broken'],
  'a NUL in a header': [writes(whole(['x-a: b\0c'])), 'upstream_broken'],
  'a space in a header name': [writes(whole(['x a: b'])), 'upstream_broken'],
  'a carriage return in a header': [writes(whole(['x-a: b\rc: d'])), 'upstream_broken'],
  'a length and chunks': [
    writes(headOnly('content-length: 5', 'transfer-encoding: chunked') + inChunks(JSON_BODY)),
    'upstream_broken',
  ],
  'two lengths': [writes(whole(['content-length: 1'])), 'upstream_broken'],
  'a length that is no number': [writes(headOnly('content-length: 1x') + latin1(JSON_BODY)), 'upstream_broken'],
  'a length that is too small': [writes(headOnly('content-length: 20') + latin1(JSON_BODY)), 'upstream_broken'],
  'a chunk size of garbage': [writes(`${headOnly('transfer-encoding: chunked')}zz\r\n{}`), 'upstream_broken'],
  'a body in an unknown coding': [writes(whole(['content-encoding: compress'])), 'upstream_broken'],
  'a body in two codings': [
    writes(whole(['content-encoding: gzip, br'], brotliCompressSync(gzipSync(JSON_BODY)))),
    'upstream_broken',
  ],
  'a body that only says that it is gzip': [writes(whole(['content-encoding: gzip'])), 'upstream_broken'],
  'a body in gzip that is cut off': [
    writes(whole(['content-encoding: gzip'], gzipSync(JSON_BODY).subarray(0, 12))),
    'upstream_broken',
  ],
  'an error that only says that it is gzip': [
    writes(whole(['content-encoding: gzip'], Buffer.from('{}')).replace('200 OK', '400 Bad Request')),
    'upstream_broken',
  ],
  'a header of 10 MB': [writes(`HTTP/1.1 200 OK\r\nx-large: ${'v'.repeat(10_000_000)}\r\n\r\n`), 'upstream_broken'],
  'an unasked switch of protocols': [
    writes('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
    'upstream_broken',
  ],
  'an answer without content': [writes('HTTP/1.1 204 No Content\r\n\r\n'), 'upstream_broken'],
  'a status of 999': [writes('HTTP/1.1 999 Odd\r\ncontent-length: 2\r\n\r\n{}'), 'upstream_error'],
  'a redirect': [
    writes('HTTP/1.1 307 Temporary\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n'),
    'upstream_error',
  ],
  'one early hint and then nothing': [writes('HTTP/1.1 103 Early Hints\r\n\r\n'), 'upstream_headers_timeout'],
  'early hints without end': [
    { when: 'body', answer: ({ socket }) => repeat(socket, 'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n') },
    'upstream_total_timeout',
  ],
  'a head that trickles without end': [
    {
      when: 'body',
      answer: ({ socket }) => {
        socket.write('HTTP/1.1 200 OK\r\nx-slow: ');
        return repeat(socket, 'v');
      },
    },
    'upstream_headers_timeout',
  ],
  'a reset while the body is sent': [
    { when: 'head', answer: ({ socket }) => void socket.resetAndDestroy() },
    'upstream_broken',
  ],
};

const SERVES: Record<string, RawScript> = {
  plain: writes(whole()),
  'many early hints': writes('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n'.repeat(2_000) + whole()),
  trailers: writes(headOnly('transfer-encoding: chunked') + inChunks(JSON_BODY, 'x-trailer: 1\r\nx-other: 2\r\n\r\n')),
  'chunk extensions': writes(
    `${headOnly('transfer-encoding: chunked')}${JSON_BODY.length.toString(16)};a="b"\r\n${latin1(JSON_BODY)}\r\n0\r\n\r\n`,
  ),
  'a body that ends with the connection': writes(headOnly() + latin1(JSON_BODY), 'end'),
  'strange characters in a header': writes(
    whole(['x-a: \xe9\xff', 'x-b: ()[]']).replace('application/json', 'application/json; x="\xe9\t"'),
  ),
};

/** More in one go than was asked for. */
const TWO_ANSWERS = writes(whole() + whole([], Buffer.from('{"stolen":true}')));
/** Connections with a late answer that have been closed. */
let lateClosed = 0;
const LATE_ANSWER: RawScript = {
  when: 'body',
  answer: async ({ socket }) => {
    socket.once('close', () => lateClosed++);
    socket.write(whole(), 'latin1');
    await sleep(50);
    socket.write(whole([], Buffer.from('{"stolen":true}')), 'latin1');
  },
};
/** Serves one request a connection and closes with the next, as a server whose idle time has just passed. */
const ONE_EACH: RawScript = {
  when: 'body',
  answer: ({ socket, index }) => {
    if (index === 0) socket.write(whole(), 'latin1');
    else socket.destroy();
  },
};
const CLOSES_AFTER: RawScript = { when: 'body', answer: ({ socket }) => void socket.end(whole(), 'latin1') };
const EARLY: RawScript = {
  when: 'head',
  answer: async ({ socket }) => {
    socket.write(whole(), 'latin1');
    await sleep(300);
    socket.resume();
  },
};
const EARLY_REFUSAL: RawScript = {
  when: 'head',
  answer: ({ socket }) => {
    const body = '{"type":"error","error":{"type":"request_too_large","message":"too large"}}';
    socket.end(`HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  },
};
const CUT: RawScript = {
  when: 'body',
  answer: async ({ socket }) => {
    socket.write(headOnly(`content-length: ${JSON_BODY.length + 50}`) + latin1(JSON_BODY), 'latin1');
    await sleep(100);
    socket.end();
  },
};
const STUCK: RawScript = { when: 'head', answer: ({ socket }) => void socket.write(whole(), 'latin1') };
const OTHERS: Record<string, RawScript> = {
  stuck: STUCK,
  two: TWO_ANSWERS,
  late: LATE_ANSWER,
  one: ONE_EACH,
  closes: CLOSES_AFTER,
  early: EARLY,
  refusal: EARLY_REFUSAL,
  cut: CUT,
};

const SCRIPTS = {
  ...Object.fromEntries(Object.entries(FAILS).map(([name, [script]]) => [name, script])),
  ...SERVES,
  ...OTHERS,
};
const NAMES = Object.keys(SCRIPTS);

let upstream: RawUpstream;
let gateway: TestGateway;

before(async () => {
  upstream = await RawUpstream.start((path) => SCRIPTS[NAMES[Number(path.split('/')[1])]!]!);
  gateway = await TestGateway.start({
    catalog: {
      groups: NAMES.map((_, i) => ({ name: `g${i}` })),
      accounts: NAMES.map((_, i) => account(`a${i}`, `${upstream.url}/${i}`, { groups: [`g${i}`], concurrency: 2 })),
      users: [{ name: 'u1', balanceUsd: 1000, concurrency: 1000 }],
      keys: NAMES.map((_, i) => ({ user: 'u1', group: `g${i}`, key: `${KEY}-g${i}` })),
    },
    relay: {
      prewarm: 0,
      attempts: 2,
      headersTimeoutMs: HEADERS_MS,
      idleTimeoutMs: HEADERS_MS,
      totalTimeoutMs: TOTAL_MS,
    },
    rest: { errorsBeforeRest: 1_000 },
  });
});
afterEach(async () => {
  assert.equal((await ask('plain', 'bystander')).status, 200);
  await gateway.assertIdle();
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

function ask(name: string, label: string, fields: object = {}): Promise<Answer> {
  return send(gateway.url, { key: `${KEY}-g${NAMES.indexOf(name)}`, body: question(label, fields) });
}

for (const [name, [, code]] of Object.entries(FAILS)) {
  test(`${name} from an upstream is ${code}, and the next request meets a fresh start`, async () => {
    const rows = (await usageOf(gateway)).requests;
    const fails = async (stream: boolean): Promise<void> => {
      const answer = await ask(name, 'fails', { stream });
      assert.equal(answer.status, FAILURES[code].status, answer.body.toString());
      assert.ok(answer.json().error.message.startsWith(FAILURES[code].text), answer.body.toString());
      assert.ok(answer.ms < TOTAL_MS + 5_000, `${answer.ms} ms`);
    };
    // Together they wait out one time limit.
    if (code.endsWith('_timeout')) await Promise.all([fails(false), fails(true)]);
    else for (const stream of [false, true]) await fails(stream);
    await gateway.assertIdle();
    assert.equal((await usageOf(gateway)).requests, rows, 'nothing was served, nothing is billed');
  });
}

for (const name of Object.keys(SERVES)) {
  test(`an answer with ${name} is served as it came and billed`, async () => {
    for (let round = 0; round < 3; round++) {
      const answer = await ask(name, `serves-${name}`);
      assert.deepEqual([answer.status, answer.whole], [200, true]);
      assert.deepEqual(answer.body, JSON_BODY);
    }
    const rows = (await usageOf(gateway)).rows.slice(0, 3);
    assert.ok(rows.every(({ inputTokens, status }) => inputTokens === USAGE.inputTokens && status === 'completed'));
  });
}

test('a second answer behind the first reaches nobody', async () => {
  for (let round = 0; round < 8; round++) {
    const answers = await Promise.all([ask('two', 'asked'), ask('two', 'asked too')]);
    for (const { body } of answers) assert.deepEqual(body, JSON_BODY);
    await waitFor('the end of the connections', () => upstream.openConnections <= 3);
  }
});

// While another request is under way on that connection no client of HTTP/1.1 can tell it from the right answer.
test('an answer that comes on an idle connection ends it, and reaches nobody', async () => {
  for (let round = 0; round < 4; round++) {
    assert.deepEqual((await ask('late', 'asked')).body, JSON_BODY);
    await waitFor('the end of the connection', () => lateClosed > round);
  }
});

test('a connection that the upstream closes as it is used again is no failure: the request goes out again on a new one', async () => {
  const sentAgain = async () => metric(await gateway.metrics(), 'penstock_upstream_sent_again_total');
  const before = await sentAgain();
  const answers: Answer[] = [];
  for (let round = 0; round < 9; round++) answers.push(await ask('one', `race-${round}`));
  assert.deepEqual(
    answers.map(({ status }) => status),
    Array(9).fill(200),
  );
  assert.ok((await sentAgain()) > before);
  const rows = (await usageOf(gateway)).rows.slice(0, 9);
  assert.ok(rows.every(({ status }) => status === 'completed'));
});

test('a connection that the upstream closes behind each answer is never used again', async () => {
  for (let round = 0; round < 12; round++) assert.equal((await ask('closes', 'closes')).status, 200);
});

test('an answer that comes before the body was taken is relayed, and so is a refusal', async () => {
  const system = 'x'.repeat(6_000_000);
  for (let round = 0; round < 3; round++) {
    const early = await ask('early', 'early', { system });
    assert.equal(early.status, 200, early.body.toString());
    assert.deepEqual(early.body, JSON_BODY);
    const refusal = await ask('refusal', 'refusal', { system });
    // The end of the connection may overtake the refusal.
    assert.ok(refusal.status === 413 || refusal.status === 502, refusal.body.toString());
  }
});

test('an answer that ends before its length never looks whole', async () => {
  const answer = await ask('cut', 'cut').catch(() => null);
  assert.ok(answer === null || !answer.whole || answer.status === 502);
});

test('a connection whose upload the upstream has not taken is not used again', async () => {
  const system = 'x'.repeat(12_000_000);
  for (let round = 0; round < 4; round++) {
    const answer = await ask('stuck', 'stuck', { system });
    assert.deepEqual([answer.status, answer.body], [200, JSON_BODY]);
  }
  const others = await Promise.all(Array.from({ length: 6 }, () => ask('plain', 'behind')));
  assert.deepEqual(
    others.map(({ status }) => status),
    Array(6).fill(200),
  );
});
