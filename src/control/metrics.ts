/**
 * The metrics page. Only owner of prom-client (with its default collectors for RSS, garbage collection and event-loop delay of
 * primary). Counters live in shared memory and are read when the page is asked for; histograms cannot be loaded into prom-client's
 * own class from buckets, so every collector here is an object with its own `get()`. Primary only; never on a request path.
 */
import { collectDefaultMetrics, type Metric, Registry } from 'prom-client';
import { FAILURE_CODES, FAILURES } from '#failure/registry.ts';
import { COUNTERS, type CounterName, type CounterTable, LATENCIES, LATENCY_BUCKETS_MS } from '#meter/counters.ts';
import type { Alarm, ControlContext, ControlGauges } from './context.ts';

const NAME_START = 'penstock_';

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

interface Sample {
  metricName?: string;
  labels: Record<string, string>;
  value: number;
}

type MetricsContext = Pick<ControlContext, 'counters' | 'gauges' | 'alarms' | 'readiness'>;

export interface MetricsPage {
  contentType: string;
  render(): Promise<string>;
}

export function createMetrics(context: MetricsContext): MetricsPage {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const collector of [...counterCollectors(context.counters), ...gaugeCollectors(context)]) {
    registry.registerMetric(collector as unknown as Metric);
  }
  return { contentType: registry.contentType, render: () => registry.metrics() };
}

/** `keyLookups` → `penstock_key_lookups_total`. */
export function counterMetricName(name: CounterName): string {
  return `${NAME_START}${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_total`;
}

function collector(type: string, name: string, help: string, read: () => Sample[]) {
  return {
    name,
    help,
    type,
    aggregator: 'sum',
    get: async () => ({ name, help, type, values: read(), aggregator: 'sum' }),
  };
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

function one(value: number): Sample {
  return { labels: {}, value };
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

/** Cumulative buckets in seconds, as the format wants them. */
function histogramSamples(table: CounterTable, name: (typeof LATENCIES)[number]): Sample[] {
  const { buckets, sumMs } = table.latency(name);
  const metric = latencyName(name);
  let count = 0;
  const samples: Sample[] = buckets.map((bucket, index) => {
    count += bucket;
    const boundMs = LATENCY_BUCKETS_MS[index];
    const le = boundMs === undefined ? '+Inf' : String(boundMs / 1000);
    return { metricName: `${metric}_bucket`, labels: { le }, value: count };
  });
  samples.push({ metricName: `${metric}_sum`, labels: {}, value: sumMs / 1000 });
  samples.push({ metricName: `${metric}_count`, labels: {}, value: count });
  return samples;
}

function alarmSamples(alarms: readonly Alarm[]): Sample[] {
  const ringing = new Map(KNOWN_ALARMS.map((alarm) => [alarm, false]));
  for (const { alarm, on } of alarms) ringing.set(alarm, on);
  return [...ringing].map(([alarm, on]) => ({ labels: { alarm }, value: on ? 1 : 0 }));
}
