/** Reads the shared tables all the time while others change them, until it is told to stop: what may never be seen, however briefly? */
import { parentPort, workerData } from 'node:worker_threads';
import { OWNERS, type OwnedBlocks, openOwned } from '../../support/shared-tables.ts';

const { blocks, opening, spentModel, stop } = workerData as {
  blocks: OwnedBlocks;
  opening: bigint;
  spentModel: SharedArrayBuffer;
  stop: SharedArrayBuffer;
};
const spent = new BigInt64Array(spentModel);
const { userSlots, ledger, bodyBudget } = openOwned(blocks, OWNERS - 1);
const { rows, queueMax } = blocks.users.shape;
const stopped = new Int32Array(stop);
const seen = new Set<string>();
let looks = 0;

function see(ok: boolean, what: string): void {
  if (!ok && seen.size < 20) seen.add(what);
}

while (Atomics.load(stopped, 0) === 0) {
  for (let row = 0; row < rows; row++) {
    see(userSlots.inUse(row) <= userSlots.limit(row), `row ${row}: more places than its limit`);
    see(userSlots.waiting(row) <= queueMax, `row ${row}: more tickets than its queue holds`);
    // Read before: what was spent by then is spent for good.
    const rest = opening - Atomics.load(spent, row);
    see(ledger.available(row) <= rest, `row ${row}: more money is shown than there is`);
    see(ledger.reserved(row) >= 0n, `row ${row}: reservations below nothing`);
    for (let owner = 0; owner < OWNERS; owner++) {
      see(userSlots.held(owner, row) >= 0, `row ${row}: owner ${owner} has fewer places than none`);
      see(ledger.held(owner, row) >= 0n, `row ${row}: owner ${owner} has reserved less than nothing`);
    }
  }
  see(bodyBudget.usedBytes >= 0, 'fewer bytes than none');
  looks++;
}
parentPort!.postMessage({ seen: [...seen], looks });
