/**
 * `npm run profile`: Penstock under a load, a profile of every thread at once, one flame graph of all of them and the functions that
 * took most, a unit of work. Product code is untouched; nothing but loopback is loaded.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { pin } from '../rig/pinning.ts';
import { flameGraph } from './flame-graph.ts';
import { cpuTree, type Frame, heapTree } from './frames.ts';
import { LOADS, type Load } from './loads.ts';
import { ProfiledGateway, type Taken } from './profiled-gateway.ts';
import { cpuSummary, heapSummary } from './summary.ts';

const WARM_SECONDS = 3;
const ROWS = 30;

const HELP = `npm run profile -- --scenario NAME [OPTIONS]

Starts a mock upstream and Penstock, loads it, and profiles primary, each front and the usage-writer at the same time.

  --scenario NAME  ${LOADS.map(({ name, about }) => `${name.padEnd(14)} ${about}`).join('\n                   ')}
  --seconds N      time under the profiler (8); ${WARM_SECONDS} s of load go before it
  --fronts N       threads.fronts of the configuration (1); 0: everything on the main thread
  --heap           what is allocated where, by sampling, in place of CPU time
  --out DIR        folder of the outputs (native-bench/results/profile)
  --help           this text

Writes SCENARIO-THREAD.cpuprofile (or .heapprofile) for DevTools, SCENARIO.svg, the flame graph of all threads, and SCENARIO.txt,
which is also printed.
`;

const { values: options } = parseArgs({
  options: {
    scenario: { type: 'string' },
    seconds: { type: 'string', default: '8' },
    fronts: { type: 'string', default: '1' },
    heap: { type: 'boolean', default: false },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

function integer(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max)
    throw new Error(`--${name} takes a number from ${min} to ${max}`);
  return value;
}

function chosenLoad(): Load {
  const load = LOADS.find(({ name }) => name === options.scenario);
  if (load === undefined) throw new Error(`--scenario takes one of: ${LOADS.map(({ name }) => name).join(', ')}`);
  return load;
}

async function take(load: Load, seconds: number, fronts: number): Promise<Taken> {
  const gateway = await ProfiledGateway.start(load, options.heap ? 'heap' : 'cpu', fronts);
  const stop = (): void => void gateway.stop().finally(() => process.exit(130));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  try {
    process.stderr.write(`${load.about}: warming up, then ${seconds} s under the profiler …\n`);
    await load.run(gateway.url, WARM_SECONDS);
    return await gateway.take(() => load.run(gateway.url, seconds));
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop);
    await gateway.stop();
  }
}

/** Writes everything; returns the summary. */
function write(folder: string, load: Load, taken: Taken, title: string): string {
  const base = options.heap ? `${load.name}-heap` : load.name;
  const trees = new Map<string, Frame>();
  for (const { thread, cpu, heap, userMs, systemMs } of taken.threads) {
    trees.set(thread, cpu === null ? heapTree(thread, heap!) : cpuTree(thread, cpu, userMs + systemMs));
    const extension = cpu === null ? 'heapprofile' : 'cpuprofile';
    writeFileSync(join(folder, `${load.name}-${thread}.${extension}`), JSON.stringify(cpu ?? heap));
  }
  const words = (size: number): string => {
    const each = size / taken.units;
    return options.heap ? `${each.toFixed(0)} bytes a ${load.unit}` : `${each.toFixed(2)} µs a ${load.unit}`;
  };
  const summaryOptions = { title, unit: load.unit, rows: ROWS };
  const summary = (options.heap ? heapSummary : cpuSummary)(taken, trees, summaryOptions);
  writeFileSync(join(folder, `${base}.svg`), flameGraph([...trees.values()], { title, words }));
  writeFileSync(join(folder, `${base}.txt`), summary);
  return summary;
}

async function main(): Promise<void> {
  if (options.help) return void process.stdout.write(HELP);
  const load = chosenLoad();
  const seconds = integer('seconds', options.seconds, 1, 600);
  const fronts = integer('fronts', options.fronts, 0, 64);
  pin(process.pid, 'others');
  const called = process.env['INIT_CWD'] ?? '.';
  const folder =
    options.out === undefined ? join(import.meta.dirname, '../results/profile') : resolve(called, options.out);
  mkdirSync(folder, { recursive: true });
  const taken = await take(load, seconds, fronts);
  const kind = options.heap ? 'allocations' : 'CPU time';
  const where = fronts === 0 ? 'everything on the main thread' : `${fronts} front${fronts === 1 ? '' : 's'}`;
  process.stdout.write(write(folder, load, taken, `${kind} of ${load.name}: ${load.about}; ${where}`));
  process.stdout.write(`\n${folder}\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`profile: ${(error as Error).message}\n`);
  process.exitCode = 2;
}
