/** A metric of the page as prom-client's registry takes it: read when the page is asked for. Shapes and small makers; primary only. */

export const NAME_START = 'penstock_';

export interface Sample {
  metricName?: string;
  labels: Record<string, string>;
  value: number;
}

export function collector(type: string, name: string, help: string, read: () => Sample[]) {
  return {
    name,
    help,
    type,
    aggregator: 'sum',
    get: async () => ({ name, help, type, values: read(), aggregator: 'sum' }),
  };
}

export function one(value: number): Sample {
  return { labels: {}, value };
}

/** One sample for each value of a label. */
export function labelled(label: string, values: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }));
}

/** Cumulative buckets, as the format wants them; there is one more of them than of `bounds`. */
export function histogram(name: string, buckets: readonly number[], bounds: readonly number[], sum: number): Sample[] {
  let count = 0;
  const samples: Sample[] = buckets.map((bucket, index) => {
    count += bucket;
    return { metricName: `${name}_bucket`, labels: { le: String(bounds[index] ?? '+Inf') }, value: count };
  });
  samples.push({ metricName: `${name}_sum`, labels: {}, value: sum });
  samples.push({ metricName: `${name}_count`, labels: {}, value: count });
  return samples;
}
