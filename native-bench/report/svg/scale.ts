/** Axes: where a value lies, and which values get a tick. Pure. */
import { formatTick } from './tick-text.ts';

export interface Tick {
  /** Pixels. */
  at: number;
  /** Empty on a log axis between the labelled ones. */
  label: string;
}

export interface Scale {
  place(value: number): number;
  readonly ticks: readonly Tick[];
}

export interface Span {
  /** Pixels of the lower and of the upper end. */
  from: number;
  to: number;
}

const TICKS_ABOUT = 6;

/** From 0, unless that would press everything into a corner. */
export function linearScale(values: readonly number[], span: Span): Scale {
  const [low, high] = extent(values);
  const start = low >= 0 && low < high * 0.7 ? 0 : low;
  const step = ceilTo125((high - start || Math.abs(high) || 1) / TICKS_ABOUT);
  const first = Math.floor(start / step);
  const last = Math.max(Math.ceil(high / step), first + 1);
  const place = (value: number): number =>
    span.from + ((value / step - first) / (last - first)) * (span.to - span.from);
  const ticks: Tick[] = [];
  for (let i = first; i <= last; i++) ticks.push({ at: place(i * step), label: formatTick(i * step) });
  return { place, ticks };
}

/** Decades; within few of them 2 and 5 are labelled too. Values that are not positive have no place here. */
export function logScale(values: readonly number[], span: Span): Scale {
  const [low, high] = extent(values.filter((value) => value > 0));
  const start = Math.log10(floorTo125(low));
  const end = Math.max(Math.log10(ceilTo125(high)), start + 0.3);
  const place = (value: number): number =>
    span.from + ((Math.log10(value) - start) / (end - start)) * (span.to - span.from);
  const labelled = end - start <= 2.5 ? [1, 2, 5] : [1];
  const ticks: Tick[] = [];
  for (let decade = Math.floor(start); decade <= Math.ceil(end); decade++) {
    for (let digit = 1; digit <= 9; digit++) {
      const value = digit * 10 ** decade;
      const at = Math.log10(value);
      if (at < start - 1e-9 || at > end + 1e-9) continue;
      ticks.push({ at: place(value), label: labelled.includes(digit) ? formatTick(value) : '' });
    }
  }
  return { place, ticks };
}

function extent(values: readonly number[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : [1, 10];
}

/** 1, 2 or 5 times a power of ten, not below `value`. */
function ceilTo125(value: number): number {
  const decade = 10 ** Math.floor(Math.log10(value));
  for (const digit of [1, 2, 5]) if (digit * decade >= value * (1 - 1e-9)) return digit * decade;
  return 10 * decade;
}

function floorTo125(value: number): number {
  const decade = 10 ** Math.floor(Math.log10(value));
  for (const digit of [5, 2]) if (digit * decade <= value * (1 + 1e-9)) return digit * decade;
  return decade;
}
