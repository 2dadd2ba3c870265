/** Whether a gateway has given everything back once its clients have gone, by its own gauges. */
import { waitFor } from '../../test/support/wait-for.ts';

const HELD = /^penstock_(exchanges_open|slots_held|queue_waiting|body_bytes_held|stream_bytes_held)(\{|$)/;
const BOUND_MS = 20_000;

/** Waits until nothing is held; resolves to what still is when the bound has passed. */
export async function leftHeld(metrics: () => Promise<Map<string, number>>): Promise<string[]> {
  let left: string[] = [];
  const nothing = async (): Promise<boolean> => {
    const held = [...(await metrics())].filter(([name]) => HELD.test(name));
    left = held.filter(([, value]) => value !== 0).map(([name, value]) => `${name} ${value}`);
    if (held.length === 0) left.push('the metrics page has no such gauges');
    return left.length === 0;
  };
  await waitFor('nothing held', nothing, { boundMs: BOUND_MS, everyMs: 100 }).catch(() => {});
  return left;
}
