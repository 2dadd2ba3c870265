/** The crowds, and what the gateway may hold for each. */
import { setTimeout as sleep } from 'node:timers/promises';
import { KEY } from '../../test/support/gateway.ts';
import { question, send } from '../../test/support/http-client.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import { Crowd, type CrowdCount, type CrowdKind } from './crowd.ts';
import { openFilesMax } from './resident.ts';
import { Subject } from './subject.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

export interface Result {
  scenario: string;
  asked: number;
  count: CrowdCount;
  startBytes: number;
  peakBytes: number;
  settledBytes: number;
  worstBytes: number;
  worstTable: string;
  notes: string[];
  failures: string[];
}

export interface MemoryOptions {
  quick: boolean;
  say(text: string): void;
}

export const SCENARIOS: Record<string, { title: string; run(options: MemoryOptions): Promise<Result> }> = {
  'slow-readers': { title: '1,000 slow readers of endless answers', run: slowReaders },
  bodies: { title: '1,000 bodies of 1 MB at once against a budget of 64 MiB', run: bodies },
  idle: { title: '10,000 idle connections', run: idle },
  streams: { title: 'memory a stream: slope between 1,000 and 10,000 open streams with 64 KB bodies', run: streams },
};

async function slowReaders({ quick, say }: MemoryOptions): Promise<Result> {
  const readers = quick ? 200 : 1_000;
  const subject = await Subject.start({ threads: { fronts: 2 }, limits: { streamBytesTotal: 64 * MIB } });
  const crowd = crowdOf('slow', subject, readers, 1 * KIB);
  try {
    await crowd.arrived(60_000);
    const openAtFirst = crowd.count.open;
    say(`${openAtFirst} readers have an answer`);
    // Longer than the server needs to cut off a reader that takes nothing.
    await sleep(quick ? 8_000 : 25_000);
    const result = await resultOf(subject, crowd, `${readers} slow readers, endless answers`, readers);
    result.notes.push(`${mib(result.count.bytes)} read in all; ${result.count.open} of ${openAtFirst} still read`);
    result.notes.push(`waiting for readers at most ${mib(subject.peaks.streamBytes)} of 64 MiB`);
    if (subject.peaks.streamBytes > 64 * MIB)
      result.failures.push('more waits for readers than limits.streamBytesTotal');
    return result;
  } finally {
    await crowd.end();
    await subject.stop();
  }
}

async function bodies({ quick, say }: MemoryOptions): Promise<Result> {
  const requests = quick ? 200 : 1_000;
  const budget = (quick ? 16 : 64) * MIB;
  const limits = { bodyBytesTotal: budget };
  const subject = await Subject.start({ threads: { fronts: 2 }, limits });
  const crowd = crowdOf('body', subject, requests, 1_000_000);
  try {
    const count = await crowd.arrived(90_000);
    say(`answers by status: ${JSON.stringify(count.answered)}`);
    const result = await resultOf(
      subject,
      crowd,
      `${requests} bodies of 1 MB at once, budget ${mib(budget)}`,
      requests,
    );
    result.notes.push(`bodies held at most ${mib(subject.peaks.bodyBytes)} of ${mib(budget)}`);
    if (subject.peaks.bodyBytes > budget) result.failures.push('more bodies are held than limits.bodyBytesTotal');
    if (result.count.waiting > 0) result.failures.push(`${result.count.waiting} clients hang`);
    if ((result.count.answered['200'] ?? 0) === 0) result.failures.push('nobody was served');
    return result;
  } finally {
    await crowd.end();
    await subject.stop();
  }
}

async function idle({ quick, say }: MemoryOptions): Promise<Result> {
  const connections = quick ? 2_000 : 10_000;
  // Few exchanges: the bound on connections keeps a descriptor for each exchange's own connection.
  const subject = await Subject.start({ threads: { fronts: 2 }, limits: { exchangesPerFront: 1_000 } });
  const crowd = crowdOf('idle', subject, connections, 0);
  try {
    await crowd.arrived(30_000);
    const { open } = crowd.count;
    const startMs = performance.now();
    const { status } = await send(subject.gateway.url, { key: KEY, body: question('json') });
    const ms = performance.now() - startMs;
    say(`${open} connections open`);
    const result = await resultOf(subject, crowd, `${connections} idle connections`, connections);
    result.count = { ...result.count, open };
    result.notes.push(`a request meanwhile: ${status} after ${ms.toFixed(0)} ms, of which the upstream takes 200`);
    if (status !== 200) result.failures.push('a request meanwhile was not served');
    if (open < connections) result.failures.push(`only ${open} connections were accepted`);
    await waitFor('the server to close idle connections', () => crowd.count.open === 0, { boundMs: 30_000 });
    result.notes.push('the listener closed all of them by itself');
    return result;
  } finally {
    await crowd.end();
    await subject.stop();
  }
}

async function streams({ quick, say }: MemoryOptions): Promise<Result> {
  const few = quick ? 200 : 1_000;
  const wanted = quick ? 1_000 : 10_000;
  // A client and an upstream socket each, and some of the gateway's own.
  const many = Math.min(wanted, Math.floor((openFilesMax() - 500) / 2));
  const subject = await Subject.start({
    threads: { fronts: 1 },
    limits: { exchangesPerFront: 12_000, bodyBytesTotal: 1024 * MIB },
  });
  const first = crowdOf('stream', subject, few, 64 * KIB);
  let second: Crowd | null = null;
  try {
    await first.arrived(60_000);
    const fewOpen = first.count.open;
    const fewBytes = await subject.settled();
    say(`${fewOpen} streams: ${mib(fewBytes)}`);
    second = crowdOf('stream', subject, many - few, 64 * KIB);
    await second.arrived(120_000);
    const manyBytes = await subject.settled();
    const manyOpen = first.count.open + second.count.open;
    say(`${manyOpen} streams: ${mib(manyBytes)}`);
    const result = await resultOf(subject, second, `${many} open streams, 64 KB bodies`, many - few);
    result.count = { ...result.count, open: manyOpen };
    result.settledBytes = manyBytes;
    const slope = (manyBytes - fewBytes) / (manyOpen - fewOpen);
    result.notes.push(
      `${(slope / KIB).toFixed(1)} KiB a stream between ${fewOpen} and ${manyOpen}, after forced collections; bodies held then ${mib(await bodyBytes(subject))}; goal ≤ 25 KiB`,
    );
    if (manyOpen < many) result.failures.push(`only ${manyOpen} streams could be opened`);
    return result;
  } finally {
    await Promise.all([first.end(), second?.end()]);
    await subject.stop();
  }
}

async function bodyBytes(subject: Subject): Promise<number> {
  return (await subject.gateway.metrics()).get('penstock_body_bytes_held') ?? 0;
}

function crowdOf(kind: CrowdKind, subject: Subject, count: number, bytes: number): Crowd {
  return new Crowd(kind, { url: subject.gateway.url, key: KEY, count, bodyBytes: bytes });
}

async function resultOf(subject: Subject, crowd: Crowd, scenario: string, asked: number): Promise<Result> {
  const count = structuredClone(crowd.count);
  const settledBytes = await subject.settled();
  const { peakBytes } = subject.resident();
  const { startBytes, worstBytes, worstTable } = subject;
  const failures = peakBytes > worstBytes ? [`${mib(peakBytes)} resident, above the worst case`] : [];
  if (subject.pidNow() !== subject.pidAtStart) failures.push('the gateway process was replaced');
  return { scenario, asked, count, startBytes, peakBytes, settledBytes, worstBytes, worstTable, notes: [], failures };
}

export function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}
