/**
 * The metrics page. Only owner of prom-client (with its default collectors for RSS, garbage collection and event-loop delay of
 * primary). Counters live in shared memory and are read when the page is asked for; histograms cannot be loaded into prom-client's
 * own class from buckets, so every collector here is an object with its own `get()`. Primary only; never on a request path.
 */
import { collectDefaultMetrics, type Metric, Registry } from 'prom-client';
import { FAILURE_CODES, FAILURES } from '#failure/registry.ts';
import { COUNTERS, type CounterName, type CounterTable, LATENCIES, LATENCY_BUCKETS_MS } from '#meter/counters.ts';
import { collector, histogram, NAME_START, one, type Sample } from './collector.ts';
import type { Alarm, ControlContext, ControlGauges } from './context.ts';
import { jobCollectors } from './job-metrics.ts';

const BOUNDS_S = LATENCY_BUCKETS_MS.map((ms) => ms / 1000);

/** Alarms that are always on the page, so that a rule can be written before the first one rings. */
const KNOWN_ALARMS = [
  'database_away',
  'journal_near_bound',
  'journal_failed',
  'default_partition',
  'poison_record',
  'front_stalled',
  'job_unknown',
];

type MetricsContext = Pick<ControlContext, 'counters' | 'gauges' | 'jobs' | 'alarms' | 'readiness'>;

export interface MetricsPage {
  contentType: string;
  render(): Promise<string>;
}

export function createMetrics(context: MetricsContext): MetricsPage {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const own = [...counterCollectors(context.counters), ...gaugeCollectors(context), ...jobCollectors(context.jobs)];
  for (const collector of own) {
    registry.registerMetric(collector as unknown as Metric);
  }
  return { contentType: registry.contentType, render: () => registry.metrics() };
}

/** `keyLookups` → `penstock_key_lookups_total`. */
export function counterMetricName(name: CounterName): string {
  return `${NAME_START}${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_total`;
}

function counterCollectors(table: CounterTable) {
  const plain = COUNTERS.map((name) =>
    collector('counter', counterMetricName(name), `Sum of ${name} over all threads.`, () => [one(table.value(name))]),
  );
  return [
    ...plain,
    collector('counter', `${NAME_START}failures_total`, 'Refusals by code.', () => failureSamples(table)),
    collector('counter', `${NAME_START}front_requests_total`, 'Requests by thread row.', () => rowSamples(table)),
    ...LATENCIES.map((name) =>
      collector('histogram', latencyName(name), 'Request read to first byte or end of its answer.', () =>
        histogramSamples(table, name),
      ),
    ),
  ];
}

function gaugeCollectors({ counters, gauges, alarms, readiness }: MetricsContext) {
  const gauge = (name: string, help: string, read: () => Sample[]) => collector('gauge', NAME_START + name, help, read);
  const open = () => counters.value('exchangesOpened') - counters.value('exchangesClosed');
  return [
    gauge('exchanges_open', 'Exchanges that are not settled.', () => [one(open())]),
    gauge('ready', '1 when /readyz answers 200.', () => [one(readiness().ready ? 1 : 0)]),
    gauge('fronts_alive', 'Front threads that run.', () => [one(gauges().frontsAlive)]),
    gauge('fronts_wanted', 'Front threads that should run.', () => [one(gauges().frontsWanted)]),
    gauge('front_stalled', '1 while a front takes no turns.', () => stalledSamples(gauges())),
    gauge('snapshot_version', 'Version of the published catalog.', () => [one(gauges().snapshotVersion)]),
    gauge('slots_held', 'Concurrency places held.', () => byTable(gauges().slotsHeld)),
    gauge('queue_waiting', 'Exchanges that wait for a place.', () => byTable(gauges().queueWaiting)),
    gauge('rows_used', 'Rows of the shared tables in use.', () => byTable(gauges().rowsUsed)),
    gauge('body_bytes_held', 'Request bodies in memory.', () => [one(gauges().bodyBytesHeld)]),
    gauge('stream_bytes_held', 'Answer bytes that wait for slow readers.', () => [one(gauges().streamBytesHeld)]),
    gauge('journal_bytes', 'Size of the journal on disk.', () => [one(gauges().journalBytes)]),
    gauge('alarm', '1 while an alarm rings.', () => alarmSamples(alarms())),
  ];
}

function latencyName(name: string): string {
  return `${NAME_START}${name === 'firstByte' ? 'first_byte' : name}_seconds`;
}

function byTable({ users, accounts }: { users: number; accounts: number }): Sample[] {
  return [
    { labels: { of: 'users' }, value: users },
    { labels: { of: 'accounts' }, value: accounts },
  ];
}

function stalledSamples({ frontsWanted, frontsStalled }: ControlGauges): Sample[] {
  return Array.from({ length: frontsWanted }, (_, front) => ({
    labels: { front: String(front) },
    value: frontsStalled.includes(front) ? 1 : 0,
  }));
}

function failureSamples(table: CounterTable): Sample[] {
  return FAILURE_CODES.map((code, index) => ({
    labels: { code, source: FAILURES[code].source, status: String(FAILURES[code].status) },
    value: table.failures(index),
  }));
}

/** The last row is the usage-writer's: it takes no requests. */
function rowSamples(table: CounterTable): Sample[] {
  const fronts = Math.max(1, table.rows - 1);
  return Array.from({ length: fronts }, (_, row) => ({
    labels: { front: String(row) },
    value: table.value('requests', row),
  }));
}

function histogramSamples(table: CounterTable, name: (typeof LATENCIES)[number]): Sample[] {
  const { buckets, sumMs } = table.latency(name);
  return histogram(latencyName(name), buckets, BOUNDS_S, sumMs / 1000);
}

function alarmSamples(alarms: readonly Alarm[]): Sample[] {
  const ringing = new Map(KNOWN_ALARMS.map((alarm) => [alarm, false]));
  for (const { alarm, on } of alarms) ringing.set(alarm, on);
  return [...ringing].map(([alarm, on]) => ({ labels: { alarm }, value: on ? 1 : 0 }));
}
