/** The outcomes as Markdown: two tables, what broke, and every difference row by row. */
import { cpus, release } from 'node:os';
import type { Audit } from './audit.ts';
import type { Outcome } from './scenario.ts';

const DIFFERENCES_MAX = 40;

export interface ReportHead {
  command: string;
  seed: number;
  seconds: number;
  /** What else the machine did: load average of the minute before. */
  loadBefore: number;
}

export function renderReport(outcomes: Outcome[], head: ReportHead): string {
  const machine = `${cpus().length} cores, Linux ${release().split('.', 2).join('.')}, Node ${process.versions.node}`;
  return [
    '# What crashes do to the books',
    '',
    `\`${head.command}\`, seed ${head.seed}, ${Math.round(head.seconds)} s, ${machine}, load average ${head.loadBefore.toFixed(1)} before the start.`,
    '',
    'Served is what the upstream says it served, by request; billed is what is in the rows. Both are exact sums over the answers that',
    'clients saw completed. An interrupted answer may be billed up to what the whole one would have cost.',
    '',
    '## Requests',
    '',
    ...requestTable(outcomes),
    '',
    '## Books',
    '',
    ...bookTable(outcomes),
    '',
    '## Verdicts',
    '',
    ...outcomes.flatMap(verdictLines),
    '',
  ].join('\n');
}

type Column = [title: string, cell: (outcome: Outcome, audit: Audit) => string];

const REQUESTS: Column[] = [
  ['event', ({ scenario }) => scenario],
  ['times', ({ events }) => String(events)],
  ['sent', (_, { sent }) => String(sent)],
  ['completed', (_, { completed }) => String(completed)],
  ['broken', (_, { broken }) => String(broken)],
  ['refused by status', (_, { refused }) => counts(refused)],
  ['unanswered', (_, { unanswered }) => counts(unanswered)],
  ['connections refused / reset', ({ connects }) => `${connects.refused} / ${connects.reset}`],
  [
    'service after, median / max s',
    ({ service }) => (service ? `${seconds(service.medianS)} / ${seconds(service.maxS)}` : '–'),
  ],
  ['left over', ({ leftOver }) => leftOver.join(', ') || '0'],
];

const BOOKS: Column[] = [
  ['event', ({ scenario }) => scenario],
  ['rows', (_, { rows }) => String(rows)],
  ['completed, no row', (_, { unbilled }) => String(unbilled)],
  ['completed, other numbers', (_, { different }) => String(different)],
  ['rows twice', (_, { twice }) => String(twice)],
  ['tokens served / billed', (_, { served, billed }) => `${served.tokens} / ${billed.tokens}`],
  ['nano-USD served / billed', (_, { served, billed }) => `${served.nanoUsd} / ${billed.nanoUsd}`],
  ['interrupted rows', (_, { interrupted }) => String(interrupted.rows)],
  ['their nano-USD: billed ≤ whole', (_, { interrupted: { billed, whole } }) => `${billed.nanoUsd} ≤ ${whole.nanoUsd}`],
  [
    'charged = balances fell by',
    (_, { chargedNanoUsd, debitedNanoUsd }) =>
      `${chargedNanoUsd} ${chargedNanoUsd === debitedNanoUsd ? '=' : '≠'} ${debitedNanoUsd}`,
  ],
  ['verdict', ({ failures }) => (failures.length === 0 ? 'held' : '**broken**')],
];

const requestTable = (outcomes: Outcome[]): string[] => table(outcomes, REQUESTS);
const bookTable = (outcomes: Outcome[]): string[] => table(outcomes, BOOKS);

function table(outcomes: Outcome[], columns: Column[]): string[] {
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`;
  const rows = outcomes.map((outcome) => {
    const { audit, notRun, scenario } = outcome;
    if (audit === null) return line([scenario, `not run: ${notRun}`, ...columns.slice(2).map(() => '')]);
    return line(columns.map(([, cell]) => cell(outcome, audit)));
  });
  return [line(columns.map(([title]) => title)), line(columns.map(() => '---')), ...rows];
}

function verdictLines({ scenario, promise, notRun, failures, notes, audit }: Outcome): string[] {
  const verdict =
    notRun === null ? (failures.length === 0 ? 'held' : `**broken**: ${failures.join('; ')}`) : `not run: ${notRun}`;
  const differences = audit?.differences ?? [];
  const shown = differences.slice(0, DIFFERENCES_MAX).map((text) => `  - ${text}`);
  const more = differences.length - shown.length;
  return [
    `- ${scenario}. Promise: ${promise}. ${verdict}.${notes.map((note) => ` ${note}.`).join('')}`,
    ...shown,
    ...(more > 0 ? [`  - and ${more} more`] : []),
  ];
}

function counts(by: Record<string, number>): string {
  const parts = Object.entries(by).map(([key, count]) => `${count} × ${key}`);
  return parts.join(', ') || '0';
}

function seconds(s: number): string {
  return s.toFixed(2);
}
