/** Reads the metrics page of the control port: `name{labels}` → value. */
export async function readMetrics(controlUrl: string): Promise<Map<string, number>> {
  const response = await fetch(`${controlUrl}/metrics`);
  const text = await response.text();
  if (!response.ok) throw new Error(`/metrics answered ${response.status}: ${text.slice(0, 200)}`);
  const metrics = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^([a-z_][^ ]*) ([^ ]+)$/i.exec(line);
    if (match) metrics.set(match[1]!, Number(match[2]));
  }
  return metrics;
}

/** Sum of a metric over all its label sets, optionally of those that contain `label`. */
export function metric(metrics: Map<string, number>, name: string, label = ''): number {
  let sum = 0;
  let found = false;
  for (const [key, value] of metrics) {
    if (key !== name && !key.startsWith(`${name}{`)) continue;
    found = true;
    if (key.includes(label)) sum += value;
  }
  if (!found) throw new Error(`no metric named ${name}`);
  return sum;
}
