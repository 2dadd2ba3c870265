/**
 * Provokes every kind of crash under load and compares, request by request, what was served with what was billed. Prints progress on
 * standard error and Markdown tables on standard output; ends with 1 when a promise was broken.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { renderReport } from './report.ts';
import type { Outcome, Scenario } from './scenario.ts';
import { diskFull } from './scenarios/disk-full.ts';
import { frontCrash } from './scenarios/front-crash.ts';
import { gatewayKill } from './scenarios/gateway-kill.ts';
import { postgres } from './scenarios/postgres.ts';
import { reload } from './scenarios/reload.ts';
import { supervisorKill } from './scenarios/supervisor-kill.ts';
import { terminate } from './scenarios/terminate.ts';

const SCENARIOS: readonly Scenario[] = [gatewayKill, frontCrash, supervisorKill, postgres, diskFull, reload, terminate];
const RESULTS = join(import.meta.dirname, 'results');

const HELP = `npm run chaos [-- OPTIONS]

Crashes a real gateway in every way it promises to survive, under load, and audits its books.

  --only NAME   one scenario, may be repeated:
${SCENARIOS.map(({ name, title }) => `                  ${name.padEnd(16)} ${title}`).join('\n')}
  --quick       few events each
  --seed N      seed of the moments and of what the upstream answers (1)
  --out FILE    the Markdown file (native-bench/chaos/results/chaos.md, or chaos-quick.md)
  --json        outcomes as JSON on standard output, and no file
  --help        this text

Runs for about five minutes, with --quick for one. Ends with 1 when a promise was broken.
`;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    quick: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    out: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

function chosen(): readonly Scenario[] {
  const { only } = options;
  if (only === undefined) return SCENARIOS;
  const unknown = only.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
  if (unknown.length > 0) throw new Error(`no scenario is named ${unknown.join(', ')}; --help lists them`);
  return SCENARIOS.filter(({ name }) => only.includes(name));
}

async function runAll(): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const seed = Number(options.seed);
  for (const scenario of chosen()) {
    process.stderr.write(`${scenario.title} …\n`);
    outcomes.push(...(await scenario.run({ quick: options.quick, seed, say })));
  }
  return outcomes;
}

function say(text: string): void {
  process.stderr.write(`  ${text} (load ${loadavg()[0]!.toFixed(1)})\n`);
}

function publish(outcomes: Outcome[], run: { seconds: number; loadBefore: number }): void {
  if (options.json) {
    const plain = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);
    process.stdout.write(`${JSON.stringify(outcomes, plain)}\n`);
    return;
  }
  const command = ['npm run chaos', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' ');
  const text = renderReport(outcomes, { command, seed: Number(options.seed), ...run });
  const file = resolve(options.out ?? join(RESULTS, options.quick ? 'chaos-quick.md' : 'chaos.md'));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  process.stdout.write(text);
  process.stderr.write(`written to ${file}\n`);
}

async function main(): Promise<number> {
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const startMs = performance.now();
  const loadBefore = loadavg()[0]!;
  const outcomes = await runAll();
  publish(outcomes, { seconds: (performance.now() - startMs) / 1000, loadBefore });
  return outcomes.some(({ failures }) => failures.length > 0) ? 1 : 0;
}

process.exitCode = await main();
