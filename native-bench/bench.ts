/**
 * The benchmark: Penstock beside native proxies, the bare forwarders of its own stack and a peer, scenario by scenario. Results as JSON,
 * a report with plots beside them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { CONTENDERS } from './peers/all.ts';
import { printSummary } from './report/print-summary.ts';
import { RESULTS_VERSION, type Results, type ScenarioResult } from './report/results.ts';
import { writeReport } from './report/write-report.ts';
import { BenchRig, type RigOptions, ROUNDS } from './rig/bench-rig.ts';
import { machineFacts, programVersions } from './rig/machine.ts';
import { withMoreFiles } from './rig/more-files.ts';
import { pin } from './rig/pinning.ts';
import { SCENARIOS } from './scenarios/all.ts';
import type { ContenderName, Scenario } from './scenarios/scenario.ts';
import { QUICK_ROUNDS_MAX } from './scenarios/windows.ts';

const HELP = `npm run bench [-- OPTIONS]

Measures Penstock beside nginx, HAProxy, bare forwarders and Portkey before a scripted upstream. Everything runs on this machine and
talks to loopback only. Writes results.json, report.md and plots.

  --scenario NAME   one scenario; may be repeated:
${SCENARIOS.map(({ name, title }) => `                      ${name.padEnd(12)} ${title}`).join('\n')}
  --contender NAME  one contender beside Penstock; may be repeated: ${CONTENDERS.filter((name) => name !== 'before').join(', ')}
  --quick           everything smaller, beside nginx and the uWS forwarder alone: under five minutes on two cores
  --rounds N        alternated rounds (${ROUNDS}; quick: 1 or 2, as the scenario has a use for)
  --against DIR     another checkout of Penstock with its packages installed, measured in the same rounds as "before"
  --out DIR         folder of the results (native-bench/results)
  --list            the scenarios and what they do
  --help            this text

Needs wrk, nginx and haproxy for the whole picture; what is missing is left out and named.
`;

/** Each one more takes its warm-up in every scenario. */
const QUICK_CONTENDERS: readonly ContenderName[] = ['Penstock', 'nginx', 'uWS forwarder'];

const { values: options } = parseArgs({
  options: {
    scenario: { type: 'string', multiple: true },
    contender: { type: 'string', multiple: true },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    against: { type: 'string' },
    out: { type: 'string' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/** npm runs scripts in the package's folder; paths are meant from where it was called. */
function pathFromCaller(path: string): string {
  return resolve(process.env['INIT_CWD'] ?? '.', path);
}

function chosenScenarios(): readonly Scenario[] {
  const names = options.scenario ?? SCENARIOS.map(({ name }) => name);
  return names.map((name) => {
    const scenario = SCENARIOS.find((one) => one.name === name);
    if (scenario === undefined) throw new Error(`no scenario is named ${name}; --list shows them`);
    return scenario;
  });
}

function chosenContenders(): readonly ContenderName[] {
  const named = options.contender ?? (options.quick ? QUICK_CONTENDERS : CONTENDERS);
  for (const name of named) {
    if (!CONTENDERS.some((one) => one === name)) throw new Error(`no contender is named ${name}; --help lists them`);
  }
  const before = options.against === undefined ? [] : ['before'];
  const wanted = new Set(['Penstock', ...before, ...named.filter((name) => name !== 'before')]);
  return CONTENDERS.filter((name) => wanted.has(name));
}

function rigOptions(): RigOptions {
  const rounds = options.rounds === undefined ? null : Number(options.rounds);
  if (rounds !== null && (!Number.isInteger(rounds) || rounds < 1 || rounds > 99)) {
    throw new Error('--rounds takes a number from 1 to 99');
  }
  const against = options.against === undefined ? null : pathFromCaller(options.against);
  return { quick: options.quick, rounds, contenders: chosenContenders(), against };
}

let running: BenchRig | null = null;
let brokenOff = false;

async function runScenario(scenario: Scenario, how: RigOptions): Promise<ScenarioResult> {
  process.stderr.write(`${scenario.title}\n`);
  const rig = new BenchRig(how, scenario);
  running = rig;
  try {
    await scenario.run(rig);
  } catch (error) {
    rig.skipped('the rest of the scenario', (error as Error).message);
    process.exitCode = 1;
  } finally {
    await rig.close();
    running = null;
  }
  return rig.result();
}

/** Ends what runs; a second signal ends at once. */
function endOn(signal: NodeJS.Signals): void {
  process.once(signal, () => {
    process.stderr.write('ending what runs …\n');
    brokenOff = true;
    void (running?.close() ?? Promise.resolve()).finally(() => process.exit(130));
  });
}

function command(): string {
  const args = process.argv.slice(2);
  return `npm run bench${args.length > 0 ? ` -- ${args.join(' ')}` : ''}`;
}

async function main(): Promise<void> {
  if (options.help) return void process.stdout.write(HELP);
  if (options.list) {
    for (const { name, title, about } of SCENARIOS) process.stdout.write(`${name}: ${title}. ${about}\n`);
    return;
  }
  const scenarios = chosenScenarios();
  const how = rigOptions();
  withMoreFiles();
  pin(process.pid, 'others');
  endOn('SIGINT');
  endOn('SIGTERM');
  const startedAt = new Date().toISOString();
  const folder = options.out === undefined ? join(import.meta.dirname, 'results') : pathFromCaller(options.out);
  mkdirSync(folder, { recursive: true });
  const results: Results = {
    version: RESULTS_VERSION,
    command: command(),
    startedAt,
    quick: how.quick,
    rounds: how.rounds ?? (how.quick ? QUICK_ROUNDS_MAX : ROUNDS),
    machine: machineFacts(),
    versions: programVersions(),
    scenarios: [],
  };
  const startedMs = performance.now();
  const tookSeconds = (): number => Math.round((performance.now() - startedMs) / 1000);
  for (const scenario of scenarios) {
    const result = await runScenario(scenario, how);
    if (brokenOff) return;
    results.scenarios.push(result);
    const done = `${results.scenarios.length} of ${scenarios.length}`;
    process.stderr.write(`  ${scenario.name} took ${result.seconds} s; ${done} after ${tookSeconds()} s\n`);
    // After each scenario, so that a run that is broken off leaves what it has.
    writeFileSync(join(folder, 'results.json'), `${JSON.stringify(results, null, 1)}\n`);
  }
  printSummary(results);
  writeReport(results, folder);
  process.stdout.write(`\n${scenarios.length} scenarios in ${tookSeconds()} s\n${join(folder, 'report.md')}\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`bench: ${(error as Error).message}\n`);
  process.exitCode = 2;
}
