/**
 * A TLS upstream: what encrypting towards the upstream adds to ordinary traffic, the certificate verified by a private authority as
 * everywhere. Clients come without TLS. Kept connections: handshakes are not what is measured.
 */
import { fileURLToPath } from 'node:url';
import { metric, readMetrics } from '../../test/support/metrics.ts';
import { type Runner, startAll } from '../rig/rounds.ts';
import type { ContenderName, Rig, Scenario } from './scenario.ts';
import { jsonCase, sseCase, type WarmUp } from './traffic-cases.ts';
import { PLANS, secondsOf } from './windows.ts';

const { windows: WINDOWS } = PLANS.tls;
const KIB = 1024;
const CONTENDERS: readonly ContenderName[] = ['Penstock', 'before', 'uWS forwarder', 'nginx'];
const SMALL = { name: 'TLS, JSON 1 KB, 64 connections', connections: 64, bodyBytes: KIB };
const LARGE = { name: 'TLS, JSON 100 KB, 64 connections', connections: 64, bodyBytes: 100 * KIB };
const STREAMS = { name: 'TLS, SSE, 200 streams', streams: 200 };
/** As many as were ever open at once; beyond them the mock closes some that were idle between cases. */
const CONNECTIONS = SMALL.connections + STREAMS.streams;
const CONNECTS_SHARE_MAX = 0.01;
const WARM_UP_REQUESTS = { quick: 20_000, full: 60_000 };
const PACE_MS = 10;

/** Certificate and key in one file, for `localhost` and 127.0.0.1, and the authority that signed it. */
const CERTIFICATE = fileURLToPath(new URL('../../test/support/ca-signed.pem', import.meta.url));
const AUTHORITY = fileURLToPath(new URL('../../test/support/private-ca.pem', import.meta.url));

async function run(rig: Rig): Promise<void> {
  const events = (secondsOf(rig, WINDOWS.streams) * 1_000) / PACE_MS;
  const mock = await rig.mock({ events, paceMs: PACE_MS, tls: { certFile: CERTIFICATE, keyFile: CERTIFICATE } });
  const names: readonly ContenderName[] = rig.quick ? CONTENDERS : [...CONTENDERS, 'HAProxy', 'http forwarder'];
  const runners = await startAll(rig, names, mock.url, { caFile: AUTHORITY });
  const how = { seconds: secondsOf(rig, WINDOWS.json), warmUpOf: (runner: Runner) => warmUpOf(rig, runner) };
  await jsonCase(rig, SMALL, runners, how);
  if (!rig.quick) await jsonCase(rig, LARGE, runners, how);
  await sseCase(rig, STREAMS, runners);
  await judgeKept(rig, runners);
}

function warmUpOf(rig: Rig, { name }: Runner): WarmUp {
  if (name === 'nginx' || name === 'HAProxy') return { requests: 1, secondsMax: secondsOf(rig, WINDOWS.nativeWarmUp) };
  const requests = rig.quick ? WARM_UP_REQUESTS.quick : WARM_UP_REQUESTS.full;
  return { requests, secondsMax: secondsOf(rig, WINDOWS.warmUp) };
}

/** A handshake costs more than ten requests, so a connection that is not kept shows in every figure above. */
async function judgeKept(rig: Rig, runners: readonly Runner[]): Promise<void> {
  const penstock = runners.find(({ name }) => name === 'Penstock')?.contender.penstock;
  if (penstock === undefined) return;
  const metrics = await readMetrics(penstock.control);
  const connects = metric(metrics, 'penstock_upstream_connects_total');
  const attempts = metric(metrics, 'penstock_upstream_attempts_total');
  const held = attempts > 0 && connects <= attempts * CONNECTS_SHARE_MAX + CONNECTIONS;
  rig.verdict({
    goal: 'connections to a TLS upstream are kept',
    bound: `≤ ${CONNECTIONS} and ${CONNECTS_SHARE_MAX * 100} % of the requests`,
    measured: `${connects} opened for ${attempts} requests`,
    held,
    why: held ? '' : 'connections are closed after answers that did not ask for it',
  });
}

export const tls: Scenario = {
  name: 'tls',
  title: 'TLS upstream',
  about:
    'JSON in closed loops and paced SSE before an upstream behind TLS, its certificate verified against a private authority. CPU time per request and per event.',
  run,
};
