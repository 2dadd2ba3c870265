import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { displacementMax } from '../../native-bench/load/answer-order.ts';
import { AnswerParser } from '../../native-bench/load/answer-parser.ts';
import { at } from '../../native-bench/load/latencies.ts';
import { type OpenLoopAsk, openLoopResult, runOpenLoop } from '../../native-bench/load/run-open-loop.ts';
import { SseEvents } from '../../native-bench/load/sse-events.ts';

const MESSAGE = '{"type":"message","content":[]}';
/** Machines that run tests are busy; what is judged here is not the driver's own lag. */
const COMMON = { keys: ['k'], lagMaxMs: 10_000, warmUpSeconds: 0.2 };

const ATTEMPTS = 5;

/** What is said about times may need a moment in which the machine has no other work. */
async function holdsOnce(claim: () => Promise<void>): Promise<void> {
  for (let left = ATTEMPTS - 1; ; left--) {
    try {
      return await claim();
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

async function serve(t: TestContext, listener: RequestListener): Promise<Server & { url: string }> {
  const server = createServer(
    (request, response) => void request.resume().on('end', () => listener(request, response)),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(server, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

/** Answers at once, but for a stall: whoever comes in it is answered at its end. */
async function serveWithStall(t: TestContext, fromMs: number, stallMs: number): Promise<{ url: string }> {
  let startMs = 0;
  return await serve(t, (_request, response) => {
    const nowMs = performance.now();
    startMs ||= nowMs;
    const sinceMs = nowMs - startMs;
    const held = sinceMs >= fromMs && sinceMs < fromMs + stallMs ? fromMs + stallMs - sinceMs : 0;
    if (held === 0) response.end(MESSAGE);
    else void sleep(held).then(() => response.end(MESSAGE));
  });
}

function halfAnswer(response: Parameters<RequestListener>[1]): void {
  response.writeHead(200, { 'content-length': 100 }).write(MESSAGE);
  setImmediate(() => response.destroy());
}

test('a stall is in the percentiles of the open loop, and next to invisible in those of a closed one', async (t) => {
  await holdsOnce(async () => {
    const common = { ...COMMON, seconds: 1.5 };
    const open = await serveWithStall(t, 600, 500);
    const opened = await runOpenLoop({ ...common, url: open.url, ratePerSecond: 200 });
    assert.equal(opened.offered, 300);
    assert.equal(opened.answered, 300);
    // 500 of 1,500 ms: each request due in them waits for what is left.
    assert.ok(at(opened.total, 99) > 350_000, `p99 ${at(opened.total, 99)} µs`);
    assert.ok(at(opened.total, 80) > 150_000, `p80 ${at(opened.total, 85)} µs`);
    assert.ok(at(opened.total, 50) < 200_000, `p50 ${at(opened.total, 50)} µs`);

    const closed = await serveWithStall(t, 600, 500);
    const looped = await runOpenLoop({ ...common, url: closed.url, ratePerSecond: null, connectionsMax: 1 });
    assert.ok(looped.total.maxUs > 350_000, 'one met the stall');
    assert.ok(at(looped.total, 85) < 100_000, `p85 ${at(looped.total, 85)} µs`);
  });
});

test('time in which a request waits for a connection is in its latency', async (t) => {
  await holdsOnce(async () => {
    const { url } = await serveWithStall(t, 500, 500);
    const options = { ...COMMON, url, seconds: 1.5, ratePerSecond: 200, connectionsMax: 1 };
    const result = await runOpenLoop(options);
    assert.equal(result.answered, 300);
    assert.ok(result.waited > 50, `${result.waited} waited`);
    assert.ok(at(result.total, 90) > 150_000, `p90 ${at(result.total, 90)} µs`);
    const bounded = await openLoopResult({ ...options, url: (await serveWithStall(t, 500, 500)).url, waitingMax: 10 });
    assert.ok(bounded.notStarted > 20, `${bounded.notStarted} were not started`);
    assert.equal(bounded.answered + bounded.notStarted, bounded.offered);
  });
});

test('the rate is kept', async (t) => {
  await holdsOnce(async () => {
    const seenMs: number[] = [];
    const { url } = await serve(t, (_request, response) => {
      seenMs.push(performance.now());
      response.end(MESSAGE);
    });
    const result = await runOpenLoop({ ...COMMON, url, seconds: 1.5, warmUpSeconds: 0, ratePerSecond: 500 });
    assert.equal(result.answered, 750);
    assert.equal(seenMs.length, 750);
    const spanMs = seenMs.at(-1)! - seenMs[0]!;
    assert.ok(Math.abs(spanMs - 1_500) < 150, `${spanMs} ms`);
  });
});

test('wrong answers, broken ones and none at all fail the run', async (t) => {
  const cases: [string, RequestListener, RegExp][] = [
    ['a refusal', (_request, response) => void response.writeHead(429).end('{"type":"error"}'), /429 \{"type":"error"/],
    ['another body', (_request, response) => void response.end('{"type":"completion"}'), /200 \{"type":"completion"/],
    ['half an answer', (_request, response) => halfAnswer(response), /closed before the end/],
    ['silence', () => {}, /not answered/],
  ];
  for (const [what, listener, why] of cases) {
    const { url } = await serve(t, listener);
    const drainMs = what === 'silence' ? 300 : 10_000;
    const run = runOpenLoop({ ...COMMON, url, seconds: 0.2, warmUpSeconds: 0, ratePerSecond: 50, drainMs });
    await assert.rejects(run, why, what);
  }
});

test('a late driver calls its own run invalid', async (t) => {
  const { url } = await serve(t, (_request, response) => void response.end(MESSAGE));
  const ask: OpenLoopAsk = { ...COMMON, url, seconds: 0.5, ratePerSecond: 100, lagMaxMs: 0 };
  assert.match((await openLoopResult(ask)).invalid ?? '', /the driver was late itself/);
  await assert.rejects(runOpenLoop(ask), /the driver was late itself/);
});

test('streams: first event, gaps and end are timed, and a missing event fails the run', async (t) => {
  await holdsOnce(async () => {
    const frame = (type: string): string => `event: ${type}\ndata: {"type":"${type}"}\n\n`;
    const { url } = await serve(t, async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(frame('message_start'));
      await sleep(50);
      response.write(frame('content_block_delta'));
      await sleep(100);
      response.write(frame('content_block_delta'));
      response.end(frame('message_stop'));
    });
    const ask = { ...COMMON, url, stream: true, events: 2, paceMs: 20, seconds: 1, ratePerSecond: 20 };
    const result = await runOpenLoop(ask);
    assert.equal(result.answered, 20);
    assert.equal(result.first.count, 20);
    assert.equal(result.gap.count, 20);
    assert.ok(at(result.first, 1) >= 45_000 && at(result.first, 50) < 140_000, `first ${at(result.first, 50)} µs`);
    assert.ok(at(result.gap, 50) >= 70_000, `80 ms behind the pace: ${at(result.gap, 50)} µs`);
    assert.ok(at(result.total, 1) >= 145_000, `total ${at(result.total, 1)} µs`);
    await assert.rejects(runOpenLoop({ ...ask, events: 3, seconds: 0.2 }), /200, 2 events, ended/);
  });
});

test('answers are read alike however they are cut', () => {
  const wire = Buffer.from(
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello' +
      'HTTP/1.1 429 Too Many\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nx: y\r\n\r\n' +
      'HTTP/1.1 204 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n',
  );
  for (let piece = 1; piece <= wire.length; piece++) {
    const seen: string[] = [];
    let body = '';
    const parser = new AnswerParser({
      onHead: (status) => void seen.push(String(status)),
      onBody: (bytes) => {
        body += bytes.toString('latin1');
      },
      onEnd: () => {
        seen.push(body);
        body = '';
      },
    });
    for (let i = 0; i < wire.length; i += piece) parser.push(wire.subarray(i, i + piece));
    assert.deepEqual(seen, ['200', 'hello', '429', 'abc0123456789', '204', '']);
    assert.equal(parser.keepsAlive, false);
  }
});

test('events and their stamps are found however the stream is cut', () => {
  const delta = (text: string): string =>
    `event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"${text}"}}\n\n`;
  const wire = Buffer.from(
    `event: ping\ndata: {}\n\n${delta('t=123')}${delta('water')}data: {"type":"message_stop"}\n\n`,
  );
  for (let piece = 1; piece <= wire.length; piece++) {
    const events = new SseEvents();
    const stamps: (number | null)[] = [];
    for (let i = 0; i < wire.length; i += piece) events.push(wire.subarray(i, i + piece), (us) => void stamps.push(us));
    assert.deepEqual(stamps, [123, null]);
    assert.equal(events.ended, true);
  }
});

test('how far the one that was moved most was moved', () => {
  assert.equal(displacementMax([0, 1, 2, 3]), 0);
  assert.equal(displacementMax([3, 0, 1, 2]), 3);
});
