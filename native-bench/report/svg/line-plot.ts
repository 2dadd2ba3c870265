/** Lines over a linear or logarithmic x axis: latency CDFs, memory over open streams, scaling, resident memory over time. Pure. */
import { at, drawing, inks, line, text, textWidth } from './canvas.ts';
import { linearScale, logScale, type Scale } from './scale.ts';

export interface LinePlot {
  title: string;
  xLabel: string;
  yLabel: string;
  xScale: 'linear' | 'log';
  lines: readonly { name: string; x: readonly number[]; y: readonly number[] }[];
}

const SIZE = { width: 760, height: 430 };
const BOX = { left: 72, right: 736, top: 84, bottom: 376 };
const LEGEND = { y: 46, rowHeight: 18, lineWidth: 24 };
/** With fewer points than this each of them is marked. */
const MARKED_MAX = 16;

export function linePlot({ title, xLabel, yLabel, xScale, lines }: LinePlot): string {
  const xSpan = { from: BOX.left, to: BOX.right };
  const xs = lines.flatMap(({ x }) => x);
  const x = xScale === 'log' ? logScale(xs, xSpan) : linearScale(xs, xSpan);
  const y = linearScale(
    lines.flatMap((one) => one.y),
    { from: BOX.bottom, to: BOX.top },
  );
  const names = [...new Set(lines.map(({ name }) => name))];
  const ink = inks(names);
  return drawing(SIZE, title, [
    ...legend(names, ink),
    ...axes(x, y, xLabel, yLabel),
    ...lines.map((one) => {
      const { colour, dash } = ink.get(one.name)!;
      return drawLine(one, { x, y, log: xScale === 'log' }, `stroke="${colour}"`, dash);
    }),
  ]);
}

function axes(x: Scale, y: Scale, xLabel: string, yLabel: string): string[] {
  return [
    ...x.ticks.flatMap(({ at: place, label }) => [
      line('grid', place, BOX.top, place, BOX.bottom),
      ...(label === '' ? [] : [text(label, { x: place, y: BOX.bottom + 18, anchor: 'middle' })]),
    ]),
    ...y.ticks.flatMap(({ at: place, label }) => [
      line('grid', BOX.left, place, BOX.right, place),
      text(label, { x: BOX.left - 8, y: place + 4, anchor: 'end' }),
    ]),
    line('axis', BOX.left, BOX.bottom, BOX.right, BOX.bottom),
    line('axis', BOX.left, BOX.top, BOX.left, BOX.bottom),
    text(xLabel, { x: (BOX.left + BOX.right) / 2, y: BOX.bottom + 40, anchor: 'middle' }),
    text(yLabel, { x: 18, y: (BOX.top + BOX.bottom) / 2, anchor: 'middle', turn: -90 }),
  ];
}

/** In as many rows as it takes; two have room. */
function legend(names: readonly string[], ink: ReturnType<typeof inks>): string[] {
  let x = BOX.left;
  let y = LEGEND.y;
  return names.flatMap((name) => {
    const { colour, dash } = ink.get(name)!;
    const width = LEGEND.lineWidth + 6 + textWidth(name) + 14;
    if (x > BOX.left && x + width > BOX.right) {
      x = BOX.left;
      y += LEGEND.rowHeight;
    }
    const place = x;
    x += width;
    return [
      `<path class="line" stroke="${colour}"${dashOf(dash)} d="M${at(place)} ${y}H${at(place + LEGEND.lineWidth)}"/>`,
      text(name, { x: place + LEGEND.lineWidth + 6, y: y + 4 }),
    ];
  });
}

interface Scales {
  x: Scale;
  y: Scale;
  /** A logarithmic x axis has no place for zero. */
  log: boolean;
}

function drawLine(one: LinePlot['lines'][number], scales: Scales, stroke: string, dash: string): string {
  const { x, y, log } = scales;
  const points: string[] = [];
  for (let i = 0; i < one.x.length; i++) {
    const [px, py] = [one.x[i]!, one.y[i]!];
    if (Number.isFinite(px) && Number.isFinite(py) && !(log && px <= 0))
      points.push(`${at(x.place(px))} ${at(y.place(py))}`);
  }
  if (points.length === 0) return '';
  const path = `<path class="line" ${stroke}${dashOf(dash)} d="M${points.join('L')}"/>`;
  return [path, ...(points.length <= MARKED_MAX ? points.map((point) => mark(point, stroke)) : [])].join('\n');
}

function mark(point: string, stroke: string): string {
  const [cx, cy] = point.split(' ');
  return `<circle cx="${cx}" cy="${cy}" r="3" ${stroke.replace('stroke', 'fill')}/>`;
}

function dashOf(dash: string): string {
  return dash === '' ? '' : ` stroke-dasharray="${dash}"`;
}
