/**
 * Preloaded into every thread of a gateway process: on SIGUSR2 each collects its garbage and appends what it then holds of the old
 * generation, where whatever an open exchange keeps ends up, and in array buffers, to the file `HEAP_PROBE_FILE`, as `thread id, bytes,
 * bytes of array buffers`. A line each.
 */
import { appendFileSync } from 'node:fs';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { BroadcastChannel, isMainThread, threadId } from 'node:worker_threads';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');
const bell = new BroadcastChannel('heap-probe');
(bell as unknown as { unref(): void }).unref();
bell.onmessage = tell;
if (isMainThread) {
  process.on('SIGUSR2', () => {
    bell.postMessage(null);
    tell();
  });
}

function tell(): void {
  // What the first one has promoted or left to be finalized, the second one finds.
  collect();
  collect();
  const old = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'old_space')!;
  appendFileSync(
    process.env['HEAP_PROBE_FILE']!,
    `${threadId} ${old.space_used_size} ${process.memoryUsage().arrayBuffers}\n`,
  );
}
