/**
 * Memory under crowds: resident memory of the gateway process against the worst case that the product adds up from its
 * configuration. Clients and upstream are processes of their own. Markdown on standard output, progress on standard error; ends
 * with 1 when a bound was broken.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { openFilesMax } from './resident.ts';
import { mib, type Result, SCENARIOS } from './scenarios.ts';

const FILES_WANTED = 32_768;
const RAISED = 'BENCH_FILES_RAISED';
const RESULTS = join(import.meta.dirname, 'results');

const HELP = `npm run memory [-- OPTIONS]

Holds the gateway's resident memory to the worst case that it prints.

  --only NAME   one scenario, may be repeated:
${Object.entries(SCENARIOS)
  .map(([name, { title }]) => `                  ${name.padEnd(14)} ${title}`)
  .join('\n')}
  --quick       a fifth of the clients
  --out FILE    the Markdown file (native-bench/memory/results/memory.md, or memory-quick.md)
  --help        this text

Runs for about three minutes. Needs ${FILES_WANTED} open files a process for everything; takes what there is.
`;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    quick: { type: 'boolean', default: false },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

/** Runs this program again with more open files, where that is allowed. Null: not needed, or not allowed. */
function runWithMoreFiles(): number | null {
  if (openFilesMax() >= FILES_WANTED || process.env[RAISED] !== undefined) return null;
  const script = `ulimit -n ${FILES_WANTED} 2>/dev/null; exec "$@"`;
  const args = ['-c', script, 'sh', process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  return spawnSync('sh', args, { stdio: 'inherit', env: { ...process.env, [RAISED]: '1' } }).status;
}

function render(results: Result[]): string {
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`;
  const titles = [
    'crowd',
    'served or open',
    'refused by status',
    'closed / hung',
    'RSS at start',
    'peak',
    'settled',
    'worst case',
    'verdict',
  ];
  const rows = results.map(({ scenario, count, startBytes, peakBytes, settledBytes, worstBytes, failures }) => {
    const { answered, open, closed, waiting } = count;
    const refused = Object.entries(answered).filter(([status]) => status !== '200');
    const served = (answered['200'] ?? 0) + open;
    const verdict = failures.length === 0 ? 'held' : `**broken**: ${failures.join('; ')}`;
    return [
      scenario,
      String(served),
      refused.map(([status, n]) => `${n} × ${status}`).join(', ') || '0',
      `${closed} / ${waiting}`,
      ...[startBytes, peakBytes, settledBytes, worstBytes].map(mib),
      verdict,
    ];
  });
  return [
    '# Memory under crowds',
    '',
    `${cpus().length} cores, Linux ${release().split('.', 2).join('.')}, Node ${process.versions.node}, ${openFilesMax()} open files. RSS is that of the gateway process;`,
    'the worst case is what the product adds up from its configuration for that process. Settled: after forced collections.',
    '',
    line(titles),
    line(titles.map(() => '---')),
    ...rows.map(line),
    '',
    ...results.flatMap(({ scenario, notes }) => notes.map((note) => `- ${scenario}: ${note}.`)),
    '',
    ...results.flatMap(({ scenario, worstTable }) => [
      `Worst case printed for ${scenario}:`,
      '',
      '```',
      worstTable,
      '```',
      '',
    ]),
  ].join('\n');
}

async function main(): Promise<number> {
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const names = options.only ?? Object.keys(SCENARIOS);
  const results: Result[] = [];
  for (const name of names) {
    const scenario = SCENARIOS[name];
    if (scenario === undefined) throw new Error(`no scenario is named ${name}; --help lists them`);
    process.stderr.write(`${scenario.title} …\n`);
    const say = (text: string): void => void process.stderr.write(`  ${text}\n`);
    results.push(await scenario.run({ quick: options.quick, say }));
  }
  const text = render(results);
  const file = resolve(options.out ?? join(RESULTS, options.quick ? 'memory-quick.md' : 'memory.md'));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  process.stdout.write(text);
  return results.some(({ failures }) => failures.length > 0) ? 1 : 0;
}

process.exitCode = runWithMoreFiles() ?? (await main());
