/** The shape of the metrics page, over counters in shared memory. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { counterMetricName } from '#control/metrics.ts';
import { FAILURE_CODES } from '#failure/registry.ts';
import { C, COUNTERS, LATENCY_BUCKETS_MS } from '#meter/counters.ts';
import { JOB_OUTCOMES } from '#meter/job-figures.ts';
import { FakeGateway } from '../support/fake-gateway.ts';
import { metric, readMetrics } from '../support/metrics.ts';

const gateway = await FakeGateway.start();
after(() => gateway.server.close());

test('every counter is on the page, summed over all threads', async () => {
  gateway.rows[0]!.add(C.keyLookups, 2);
  gateway.rows[1]!.add(C.keyLookups, 3);
  gateway.rows[2]!.add(C.journalRecords, 4);
  const metrics = await readMetrics(gateway.server.url);
  assert.equal(metric(metrics, 'penstock_key_lookups_total'), 5);
  assert.equal(metric(metrics, 'penstock_journal_records_total'), 4);
  for (const name of COUNTERS) assert.ok(metrics.has(counterMetricName(name)), name);
});

test('open exchanges are what was opened and not closed', async () => {
  gateway.rows[0]!.add(C.exchangesOpened, 5);
  gateway.rows[1]!.add(C.exchangesClosed, 2);
  assert.equal((await readMetrics(gateway.server.url)).get('penstock_exchanges_open'), 3);
});

test('every failure of the registry has a counter with its code', async () => {
  gateway.rows[1]!.failure(FAILURE_CODES.indexOf('balance_exhausted'));
  const metrics = await readMetrics(gateway.server.url);
  for (const code of FAILURE_CODES) {
    assert.equal(metric(metrics, 'penstock_failures_total', `code="${code}"`), code === 'balance_exhausted' ? 1 : 0);
  }
});

test('latencies are cumulative histograms in seconds', async () => {
  for (const ms of [0.5, 3, 3, 400_000]) gateway.rows[0]!.latency(0, ms);
  gateway.rows[1]!.latency(0, 40);
  const metrics = await readMetrics(gateway.server.url);
  const bucket = (le: string) => metrics.get(`penstock_first_byte_seconds_bucket{le="${le}"}`);
  assert.deepEqual([bucket('0.001'), bucket('0.002'), bucket('0.005'), bucket('0.05')], [1, 1, 3, 4]);
  assert.deepEqual([bucket('300'), bucket('+Inf')], [4, 5]);
  assert.equal(metrics.get('penstock_first_byte_seconds_count'), 5);
  assert.ok(Math.abs(metrics.get('penstock_first_byte_seconds_sum')! - 400.0465) < 1e-9);
  const lines = [...metrics.keys()].filter((name) => name.startsWith('penstock_duration_seconds_bucket'));
  assert.equal(lines.length, LATENCY_BUCKETS_MS.length + 1);
});

test('media jobs: how far they are, how they ended, how long they took, what they cost', async () => {
  const { figures } = gateway;
  figures.created.video = 3;
  figures.polls.away = 2;
  figures.chargedNanoUsd = 1_500_000_000n;
  for (const [outcome, ms] of [
    ['completed', 1500],
    ['expired', 5_000_000],
  ] as const)
    figures.end(outcome, ms);
  const metrics = await readMetrics(gateway.server.url);
  const value = (name: string): number | undefined => metrics.get(`penstock_${name}`);
  assert.deepEqual([value('jobs_open{state="running"}'), value('jobs_open{state="succeeded"}')], [2, 0]);
  assert.deepEqual([value('jobs_created_total{kind="video"}'), value('job_polls_total{answer="away"}')], [3, 2]);
  assert.equal(value('jobs_charged_nano_usd_total'), 1_500_000_000);
  for (const outcome of JOB_OUTCOMES)
    assert.equal(value(`jobs_ended_total{outcome="${outcome}"}`), /completed|expired/.test(outcome) ? 1 : 0, outcome);
  const bucket = (le: string): number | undefined => value(`job_duration_seconds_bucket{le="${le}"}`);
  assert.deepEqual([bucket('1'), bucket('2'), bucket('3600'), bucket('+Inf')], [0, 1, 1, 2]);
  assert.equal(value('job_duration_seconds_sum'), 5001.5);
});

test('gauges, alarms and the process itself are on the page', async () => {
  gateway.ringing = [{ alarm: 'database_away', on: true, text: 'x' }];
  const metrics = await readMetrics(gateway.server.url);
  gateway.ringing = [];
  assert.equal(metrics.get('penstock_alarm{alarm="database_away"}'), 1);
  assert.equal(metrics.get('penstock_alarm{alarm="journal_near_bound"}'), 0);
  assert.equal(metrics.get('penstock_slots_held{of="users"}'), 5);
  assert.equal(metrics.get('penstock_queue_waiting{of="accounts"}'), 2);
  assert.equal(metrics.get('penstock_journal_bytes'), 4096);
  assert.equal(metrics.get('penstock_fronts_alive'), 2);
  assert.equal(metrics.get('penstock_ready'), 1);
  for (const name of [
    'process_resident_memory_bytes',
    'nodejs_eventloop_lag_p99_seconds',
    'nodejs_heap_size_used_bytes',
  ]) {
    assert.ok(metrics.has(name), name);
  }
});

test('every metric has its help and type once, and the page ends with a line break', async () => {
  const response = await fetch(`${gateway.server.url}/metrics`);
  assert.match(response.headers.get('content-type')!, /^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  assert.ok(text.endsWith('\n'));
  const types = [...text.matchAll(/^# TYPE (\S+) (counter|gauge|histogram|summary)$/gm)].map((match) => match[1]!);
  assert.equal(new Set(types).size, types.length);
  for (const name of types.filter((type) => type.startsWith('penstock_')))
    assert.match(text, new RegExp(`^# HELP ${name} \\S`, 'm'));
});
