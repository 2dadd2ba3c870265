/** The scenario of all protocols: what is asked, streamed, counted and metered is the same stream; and one tiny run of it. */
import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { countStreams } from '../../native-bench/load/counted-streams.ts';
import { eventsOf, rawStreamRequest, STREAM_REQUESTS } from '../../native-bench/load/stream-requests.ts';
import { scriptKind, streamScript } from '../../native-bench/load/stream-scripts.ts';
import { baselineOf } from '../../native-bench/report/baseline.ts';
import { plotsOf } from '../../native-bench/report/plots.ts';
import { reportPage } from '../../native-bench/report/report-page.ts';
import { RESULTS_VERSION, type Results } from '../../native-bench/report/results.ts';
import { BenchRig } from '../../native-bench/rig/bench-rig.ts';
import { machineFacts } from '../../native-bench/rig/machine.ts';
import { measureProtocols, protocols } from '../../native-bench/scenarios/protocols.ts';
import { tapAlone } from '../../native-bench/scenarios/tap-alone.ts';

const NAMES = STREAM_REQUESTS.map(({ name }) => name);
const EVENTS = 20;

for (const request of STREAM_REQUESTS) {
  test(`${request.name}: the mock knows the stream by its request, and the tap finds the usage in it`, () => {
    const [head = '', body = ''] = rawStreamRequest('http://127.0.0.1', request, 'sk-key', 1024)
      .toString()
      .split('\r\n\r\n');
    assert.match(head, /^POST \/v1.* HTTP\/1\.1\r\nhost: 127\.0\.0\.1\r\n(.*\r\n)*.*sk-key/);
    assert.equal(body.length, 1024);
    assert.equal(scriptKind(request.target, body.includes('"include_usage":true')), request.answered);
    assert.ok(tapAlone(request, EVENTS, 2_000) > 0);
  });
}

/** A server that answers every request as `answer` does; its address. */
async function serve(t: TestContext, answer: (response: ServerResponse) => void): Promise<string> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => answer(response));
  });
  t.after(() => new Promise((resolve) => server.close(resolve).closeAllConnections()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function count(url: string, boundMs = 10_000): Promise<number> {
  const [messages] = STREAM_REQUESTS;
  const request = rawStreamRequest(url, messages!, 'sk-key', 512);
  return countStreams({ url, request, streams: 2, mark: messages!.mark, events: eventsOf(messages!, EVENTS), boundMs });
}

function messagesStream(events: number): string {
  const { opening, event, closing } = streamScript('messages', events);
  return opening + event('drop').repeat(events) + closing;
}

test('events are counted wherever the pieces of a stream are cut', async (t) => {
  const text = messagesStream(EVENTS);
  const url = await serve(t, (response) => {
    for (let at = 0; at < text.length; at += 7) response.write(text.slice(at, at + 7));
    response.end();
  });
  assert.equal(await count(url), 2 * (EVENTS + 5));
});

for (const [what, answer, says] of [
  ['lacks an event', (response) => response.end(messagesStream(EVENTS - 1)), /24 events for 25/],
  ['has one too many', (response) => response.end(messagesStream(EVENTS + 1)), /26 events for 25/],
  ['is refused', (response) => response.writeHead(429).end('later'), /answered 429: later/],
  ['breaks', (response) => response.write('data: {', () => response.destroy()), /after 1 of 25 events/],
] as [string, (response: ServerResponse) => void, RegExp][]) {
  test(`a stream that ${what} is no measurement`, async (t) => {
    await assert.rejects(count(await serve(t, answer)), says);
  });
}

test('a stream that does not end is told once its time is over', async (t) => {
  const url = await serve(t, (response) => void response.write('data: {'));
  await assert.rejects(count(url, 100), /2 of 2 streams had not ended after 100 ms/);
});

test('a tiny run has the CPU of an event in every protocol, and what the tap takes of it, in page, plot and baseline', async () => {
  const contenders = ['Penstock', 'uWS forwarder'] as const;
  const rig = new BenchRig({ quick: true, rounds: 1, contenders, against: null }, protocols);
  try {
    await measureProtocols(rig, { streams: 2, events: EVENTS, tapEvents: 1_000 });
  } finally {
    await rig.close();
  }
  const result = rig.result();
  assert.deepEqual(result.skipped, []);
  for (const contender of [...contenders, 'tap alone']) {
    const taken = result.measurements.filter((one) => one.contender === contender && one.metric === 'CPU per event');
    assert.deepEqual(
      taken.map((one) => one.case),
      NAMES,
      contender,
    );
    for (const { values } of taken) assert.ok(values.length === 1 && values[0]! > 0);
  }
  assert.deepEqual(
    result.verdicts.map(({ goal, held }) => [goal, held]),
    NAMES.map((name) => [`CPU per relayed SSE event: ${name}`, null]),
    'nginx takes no part here',
  );
  const results: Results = {
    version: RESULTS_VERSION,
    command: 'npm run bench',
    startedAt: '2026-01-01T00:00:00.000Z',
    quick: true,
    rounds: 1,
    machine: machineFacts(),
    versions: {},
    scenarios: [result],
  };
  const plots = plotsOf(result);
  assert.deepEqual(
    plots.map(({ file }) => file),
    ['protocols-cpu-per-event.svg'],
  );
  const page = reportPage(results, new Map([['protocols', plots]]));
  for (const name of NAMES) {
    assert.match(page, new RegExp(`\\| CPU per relayed SSE event: ${name} \\| ≤ 1.2 × nginx \\|`));
    for (const metric of ["the tap's share of an event", 'more than the uWS forwarder an event']) {
      assert.match(page, new RegExp(`\\| ${name} \\| Penstock \\| ${metric} \\|`));
    }
  }
  assert.deepEqual(
    baselineOf(results).entries.map((entry) => [entry.case, entry.what]),
    NAMES.map((name) => [name, 'Penstock / uWS forwarder']),
  );
});
