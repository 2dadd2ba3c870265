/**
 * One scenario in the report: a table a metric with the medians of every contender, their ratios to a base contender and Penstock's to
 * them (pair by pair within the rounds), plots, notes, and what was left out. Pure.
 */
import { formatFigure, formatRange } from './figures.ts';
import { blocks, type Column, escapeMarkdown, markdownTable } from './markdown.ts';
import type { Plot } from './plots.ts';
import { find, formatRatio, median, ratioOf } from './ratios.ts';
import type { Measurement, ScenarioResult } from './results.ts';

/** The first of them that was measured is what the others are set against. */
const BASES = ['nginx', 'uWS forwarder', 'HAProxy', 'http forwarder'];
const OURS = 'Penstock';

export function scenarioSection(result: ScenarioResult, plots: readonly Plot[]): string {
  const { name, title, seconds, measurements, notes, skipped } = result;
  const metrics = [...new Set(measurements.map(({ metric }) => metric))];
  const compared = metrics.filter((metric) => contendersOf(measurements, metric).size > 1);
  const alone = measurements.filter(({ metric }) => !compared.includes(metric));
  return blocks([
    `## ${escapeMarkdown(title)}`,
    `Scenario \`${name}\`, ${seconds} s.`,
    ...plots.map(({ file, title: text }) => `![${escapeMarkdown(text)}](${file})`),
    ...compared.map((metric) => comparedTable(measurements, metric)),
    aloneTable(alone),
    list('', notes),
    list(
      'Left out:',
      skipped.map(({ what, why }) => `${what}: ${why}`),
    ),
  ]);
}

function contendersOf(measurements: readonly Measurement[], metric: string): Set<string> {
  return new Set(measurements.filter((one) => one.metric === metric).map(({ contender }) => contender));
}

/** Rows of one case lie together, in the order in which the cases were first met. */
function comparedTable(measurements: readonly Measurement[], metric: string): string {
  const ofMetric = measurements.filter((one) => one.metric === metric);
  const base = BASES.find((name) => ofMetric.some(({ contender }) => contender === name)) ?? OURS;
  const columns: Column[] = [
    { head: 'case' },
    { head: 'contender' },
    { head: `${escapeMarkdown(metric)}, ${escapeMarkdown(ofMetric[0]!.unit)}`, align: 'right' },
    { head: 'range', align: 'right' },
    { head: `÷ ${base}`, align: 'right' },
    { head: `${OURS} ÷ it`, align: 'right' },
  ];
  const cases = [...new Set(ofMetric.map((one) => one.case))];
  const rows = cases.flatMap((name) => ofMetric.filter((one) => one.case === name));
  return markdownTable(
    columns,
    rows.map((one) => comparedRow(measurements, one, base)),
  );
}

function comparedRow(measurements: readonly Measurement[], one: Measurement, base: string): string[] {
  const values = taken(one);
  const toBase = ratioText(one, find(measurements, one, base));
  const ours = ratioText(find(measurements, one, OURS), one);
  return [
    escapeMarkdown(one.case),
    one.contender === OURS ? `**${OURS}**` : escapeMarkdown(one.contender),
    formatFigure(median(values)),
    formatRange(values),
    toBase,
    ours,
  ];
}

/** Empty beside itself, and where there is no pair. */
function ratioText(one: Measurement | undefined, base: Measurement | undefined): string {
  if (one === undefined || base === undefined || one === base) return '';
  const ratio = ratioOf(one.values, base.values);
  return ratio === null ? '' : formatRatio(ratio);
}

/** Figures that nothing is set against. */
function aloneTable(measurements: readonly Measurement[]): string {
  const columns: Column[] = [
    { head: 'case' },
    { head: 'contender' },
    { head: 'metric' },
    { head: 'median', align: 'right' },
    { head: 'range', align: 'right' },
    { head: 'unit' },
  ];
  const rows = measurements.map((one) => {
    const values = taken(one);
    const names = [one.case, one.contender, one.metric].map(escapeMarkdown);
    return [...names, formatFigure(median(values)), formatRange(values), escapeMarkdown(one.unit)];
  });
  return markdownTable(columns, rows);
}

function taken({ values }: Measurement): number[] {
  return values.filter((value) => value !== null);
}

function list(head: string, lines: readonly string[]): string {
  if (lines.length === 0) return '';
  return blocks([head, lines.map((line) => `- ${escapeMarkdown(line)}`).join('\n')]);
}
