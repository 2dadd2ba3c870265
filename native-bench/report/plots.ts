/**
 * Which plots a scenario gives: one for every group of curves, one of bars for every headline figure that has more than one bar. Pure.
 */
import { median } from './ratios.ts';
import type { Curve, Measurement, ScenarioResult } from './results.ts';
import { type BarGroup, barPlot } from './svg/bar-plot.ts';
import { linePlot } from './svg/line-plot.ts';

export interface Plot {
  file: string;
  title: string;
  svg: string;
}

const BARRED = ['CPU per request', 'CPU per event', 'memory per stream', 'p50 added'];

export function plotsOf({ name, title, measurements, curves }: ScenarioResult): Plot[] {
  const plots: Plot[] = [];
  const add = (what: string, draw: (title: string) => string): void => {
    const text = `${title}: ${what}`;
    plots.push({ file: `${name}-${fileName(what)}.svg`, title: text, svg: draw(text) });
  };
  for (const metric of BARRED) {
    const groups = barGroups(measurements.filter((one) => one.metric === metric));
    if (groups.flatMap(({ bars }) => bars).length < 2) continue;
    const { unit } = measurements.find((one) => one.metric === metric)!;
    add(metric, (text) => barPlot({ title: text, label: `${metric}, ${unit}`, groups }));
  }
  for (const [plot, lines] of Map.groupBy(curves, (curve) => curve.plot)) add(plot, (text) => drawLines(text, lines));
  return plots;
}

function barGroups(measurements: readonly Measurement[]): BarGroup[] {
  const byCase = Map.groupBy(measurements, (one) => one.case);
  return [...byCase].map(([name, ones]) => ({ name, bars: ones.flatMap(barOf) }));
}

function barOf({ contender, values }: Measurement): BarGroup['bars'] {
  const taken = values.filter((value) => value !== null);
  if (taken.length === 0) return [];
  return [{ name: contender, value: median(taken), min: Math.min(...taken), max: Math.max(...taken) }];
}

function drawLines(title: string, curves: readonly Curve[]): string {
  const [{ xLabel, yLabel, xScale }] = curves as [Curve];
  const lines = curves.map(({ contender, x, y }) => ({ name: contender, x, y }));
  return linePlot({ title, xLabel, yLabel, xScale, lines });
}

function fileName(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
}
