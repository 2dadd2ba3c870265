/** The disk of the journal fills up under load, and gets room again. Needs root, for a small file system of its own. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../../../test/support/wait-for.ts';
import { DURABILITIES, type Durability, usageSection } from '../features.ts';
import { Rig } from '../rig.ts';
import { judgeExact, notRun, type Outcome, type RunOptions, type Scenario, summarize } from '../scenario.ts';

const PROMISE =
  'new requests are refused with 503 while the disk is full; no completed answer unbilled; no row twice; nothing left over; service returns with the room';
const DISK = '24m';
const MIB = 1_048_576;
const FULL_MS = 1_000;

async function run({ quick, seed, say }: RunOptions): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const durability of DURABILITIES) outcomes.push(await runMode(durability, quick ? 1 : 3, seed, say));
  return outcomes;
}

async function runMode(durability: Durability, rounds: number, seed: number, say: RunOptions['say']): Promise<Outcome> {
  const name = `disk full, ${durability}`;
  if (process.getuid?.() !== 0) return notRun(name, PROMISE, 'needs root to mount a small file system');
  const usage = { ...usageSection(durability), segmentBytes: MIB, journalBytesMax: 64 * MIB };
  const rig = await Rig.start({ seed, config: { usage } });
  const journal = join(rig.gateway.dataDir, 'journal');
  let mounted = false;
  try {
    await rig.gateway.terminate();
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'tmpfs', journal], { stdio: 'pipe' });
    } catch (error) {
      return notRun(name, PROMISE, `no small file system: ${(error as Error).message.trim()}`);
    }
    mounted = true;
    await rig.gateway.launch();
    return await fillAndFree(rig, { name, rounds, journal, say });
  } finally {
    await rig.gateway.kill();
    if (mounted) execFileSync('umount', ['-l', journal]);
    await rig.close();
  }
}

interface Fill {
  name: string;
  rounds: number;
  journal: string;
  say: RunOptions['say'];
}

async function fillAndFree(rig: Rig, { name, rounds, journal, say }: Fill): Promise<Outcome> {
  const ballast = join(journal, 'ballast');
  await rig.startLoad();
  const serviceMs: number[] = [];
  for (let i = 0; i < rounds; i++) {
    await rig.anyTime(100, 500);
    fill(ballast);
    const fromMs = performance.now();
    await waitFor(
      'a refusal',
      () => rig.prober.asked.some(({ startMs, status }) => startMs >= fromMs && status === 503),
      {
        boundMs: 20_000,
      },
    );
    await sleep(FULL_MS);
    rmSync(ballast);
    const freedMs = performance.now();
    serviceMs.push(await rig.prober.serviceAfter(freedMs));
    await rig.flowing();
    say(`${name} ${i + 1}/${rounds}: service ${Math.round(serviceMs.at(-1)!)} ms after there was room`);
  }
  await rig.stopLoad();
  const outcome = await rig.outcome(name, PROMISE, rounds);
  outcome.service = summarize(serviceMs);
  const { refused } = outcome.audit!;
  judgeExact(outcome);
  const others = Object.keys(refused).filter((status) => status !== '503');
  if (others.length > 0) outcome.failures.push(`refused with ${others.join(', ')}`);
  return outcome;
}

/** Takes the last byte of the file system. */
function fill(path: string): void {
  const fd = openSync(path, 'w');
  try {
    for (let block = Buffer.alloc(MIB); block.length > 0; ) {
      try {
        writeSync(fd, block);
      } catch {
        block = block.subarray(0, block.length >> 1);
      }
    }
  } finally {
    closeSync(fd);
  }
}

export const diskFull: Scenario = { name: 'disk-full', title: 'the disk of the journal fills up', run };
