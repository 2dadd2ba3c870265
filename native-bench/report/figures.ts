/** How figures are written for people: three digits or so, thousands parted. Pure. */

/** Not a number: `–`. */
export function formatFigure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString('en-US');
  if (size >= 10) return value.toFixed(1);
  if (size >= 1 || size === 0) return value.toFixed(2);
  return Number(value.toPrecision(2)).toString();
}

/** The smallest and the largest; empty when there is but one. */
export function formatRange(values: readonly number[]): string {
  if (values.length < 2) return '';
  return `${formatFigure(Math.min(...values))} … ${formatFigure(Math.max(...values))}`;
}
