/**
 * Faults that tests ask a front for, by a header of a request (`test.crashHeader`; off, none of this is in any path):
 *
 *   x-penstock-test: crash-front        an uncaught exception in the next turn of the loop
 *                    leak-front         the same, and the front ends without settling what is open
 *                    stall-front 1500   no turn is taken for so many milliseconds
 *                    fill-heap          memory is taken until the bound of the front's heap is met
 *                    leak-place         takes a place of the first user's row that nobody returns
 *
 * The request itself goes its ordinary way. Front thread only.
 */
import { nowMs } from '#base/clock.ts';
import type { SlotTable } from '#coordinate/local/slot-table.ts';
import type { ForwardFilter, Head } from '#edge/head.ts';

const HEADER = 'x-penstock-test';

/** Thrown by `leak-front`: whoever catches it leaves everything as it is. */
export class AbruptFault extends Error {}

/** Lets the header through to `injectFault`. */
export function seeFaultHeader(mayForward: ForwardFilter): ForwardFilter {
  return (name) => name === HEADER || mayForward(name);
}

/** Takes the header out of the head again and does what it says. */
export function injectFault(head: Head, userSlots: SlotTable): void {
  const at = head.forwarded.indexOf(HEADER);
  if (at < 0) return;
  const [, value = ''] = head.forwarded.splice(at, 2);
  const [fault, ms] = value.split(' ');
  if (fault === 'crash-front') throwSoon(new Error('a test asked for a crash'));
  if (fault === 'leak-front') throwSoon(new AbruptFault('a test asked for an end without settling'));
  if (fault === 'stall-front') stall(Number(ms));
  if (fault === 'fill-heap') setImmediate(fillHeap);
  if (fault === 'leak-place') userSlots.tryTake(0);
}

function throwSoon(error: Error): void {
  setImmediate(() => {
    throw error;
  });
}

function fillHeap(): never {
  const kept: object[] = [];
  for (;;) kept.push({ numbers: Array.from({ length: 100 }, () => ({})) });
}

function stall(ms: number): void {
  const until = nowMs() + ms;
  while (nowMs() < until);
}
