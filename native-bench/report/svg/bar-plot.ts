/**
 * Lying bars in groups, one group a case, with the range of the rounds as a whisker and the median in figures. Cases of another order of
 * magnitude get a scale each, since only bars of one case are compared. A bar that would press the others into a corner is cut off at
 * the edge and marked so. Pure.
 */
import { formatFigure } from '../figures.ts';
import { at, drawing, inks, line, text, textWidth } from './canvas.ts';
import { linearScale, type Scale, type Tick } from './scale.ts';

export interface BarGroup {
  name: string;
  bars: readonly { name: string; value: number; min: number; max: number }[];
}

export interface BarPlot {
  title: string;
  label: string;
  groups: readonly BarGroup[];
}

const WIDTH = 760;
const TOP = 48;
const RIGHT = 736;
/** Room behind the longest bar for its figure. */
const FIGURE_WIDTH = 110;
const BAR = 16;
const GAP = 5;
const GROUP_HEAD = 22;
const GROUP_GAP = 12;
const FOOT = 48;
/** A bar this many times as long as the second longest is cut off. */
const CUT_ABOVE = 4;
const UNCUT = 'Penstock';

/** Groups whose longest bars differ by more get a scale each. */
const SHARED_BELOW = 4;

type Bar = BarGroup['bars'][number];

export function barPlot({ title, label, groups: all }: BarPlot): string {
  const groups = all.filter(({ bars }) => bars.length > 0);
  const names = [...new Set(groups.flatMap(({ bars }) => bars.map(({ name }) => name)))];
  const left = 24 + Math.max(...names.map(textWidth));
  const ink = inks(names);
  const shared = sharesScale(groups)
    ? axisOf(
        groups.flatMap(({ bars }) => bars),
        left,
      )
    : null;
  const drawn: string[] = [];
  let y = TOP;
  for (const { name, bars } of groups) {
    drawn.push(text(name, { x: left + 6, y: y + 14, className: 'group' }));
    y += GROUP_HEAD;
    const own = shared ?? axisOf(bars, left);
    for (const bar of bars) {
      drawn.push(...drawBar(bar, { y, left, ...own, colour: ink.get(bar.name)!.colour }));
      y += BAR + GAP;
    }
    y += GROUP_GAP;
  }
  const bottom = y - GROUP_GAP;
  const foot = shared === null ? `${label} (each case on a scale of its own)` : label;
  const size = { width: WIDTH, height: bottom + FOOT };
  return drawing(size, title, [...drawAxis(shared?.scale.ticks ?? [], left, bottom, foot), ...drawn]);
}

function sharesScale(groups: readonly BarGroup[]): boolean {
  const longest = groups.map(({ bars }) => Math.max(...bars.map(({ max }) => Math.min(max, cutAt(bars)))));
  return Math.max(...longest) <= SHARED_BELOW * Math.min(...longest);
}

function axisOf(bars: readonly Bar[], left: number): { scale: Scale; edge: number } {
  const edge = cutAt(bars);
  const reach = bars.map(({ max }) => Math.min(max, edge));
  return { edge, scale: linearScale([0, ...reach], { from: left, to: RIGHT - FIGURE_WIDTH }) };
}

/** Cutting is for outliers: never more than a third of the bars, and never Penstock's own, however long. */
function cutAt(bars: readonly Bar[]): number {
  const sorted = bars.map(({ max }) => max).toSorted((a, b) => b - a);
  const ours = Math.max(0, ...bars.filter(({ name }) => name === UNCUT).map(({ max }) => max));
  for (let i = Math.min(Math.floor(sorted.length / 3), sorted.length - 1); i > 0; i--) {
    if (sorted[i - 1]! > CUT_ABOVE * sorted[i]! && ours <= sorted[i]!) return sorted[i]! * 1.25;
  }
  return Number.POSITIVE_INFINITY;
}

function drawAxis(ticks: readonly Tick[], left: number, bottom: number, label: string): string[] {
  return [
    ...ticks.flatMap(({ at: place, label: figure }) => [
      line('grid', place, TOP, place, bottom),
      text(figure, { x: place, y: bottom + 18, anchor: 'middle' }),
    ]),
    line('axis', left, TOP, left, bottom),
    text(label, { x: (left + RIGHT - FIGURE_WIDTH) / 2, y: bottom + 38, anchor: 'middle' }),
  ];
}

interface BarPlace {
  y: number;
  left: number;
  edge: number;
  scale: Scale;
  colour: string;
}

function drawBar(bar: Bar, { y, left, edge, scale, colour }: BarPlace): string[] {
  const { name, value, min, max } = bar;
  const cut = value > edge;
  const end = scale.place(Math.min(value, edge));
  const middle = y + BAR / 2;
  const shape = `<rect x="${at(left)}" y="${at(y)}" width="${at(Math.max(0, end - left))}" height="${BAR}" fill="${colour}"/>`;
  const reach = scale.place(Math.min(max, edge));
  const figure = `${formatFigure(value)}${cut ? ' (bar cut off)' : ''}`;
  return [
    text(name, { x: left - 8, y: middle + 4, anchor: 'end' }),
    shape,
    ...(cut ? [cutMark(end, y)] : whisker(scale.place(min), reach, middle)),
    text(figure, { x: Math.max(end, reach) + 8, y: middle + 4 }),
  ];
}

function whisker(from: number, to: number, y: number): string[] {
  if (to - from < 1) return [];
  return [
    line('whisker', from, y, to, y),
    line('whisker', from, y - 4, from, y + 4),
    line('whisker', to, y - 4, to, y + 4),
  ];
}

/** Two slanting strokes of paper through the bar. */
function cutMark(end: number, y: number): string {
  const strokes = [end - 14, end - 8].map((x) => `M${at(x)} ${y + BAR + 1}L${at(x + 4)} ${y - 1}`);
  return `<path d="${strokes.join('')}" style="stroke:var(--paper);stroke-width:2"/>`;
}
