/** The text at a tick, free of the noise of binary fractions. Pure. */
export function formatTick(value: number): string {
  const exact = Number(value.toPrecision(6));
  const size = Math.abs(exact);
  if (size >= 1e6) return `${Number((exact / 1e6).toPrecision(4))} M`;
  if (size >= 1000) return exact.toLocaleString('en-US');
  return String(exact);
}
