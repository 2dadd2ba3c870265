/**
 * Preloaded into every thread of the gateway process: on SIGUSR2 each of them collects its garbage, so that resident memory is what is
 * held and not what lies around.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { BroadcastChannel, isMainThread } from 'node:worker_threads';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');
const bell = new BroadcastChannel('force-gc');
(bell as unknown as { unref(): void }).unref();
bell.onmessage = () => collect();
if (isMainThread) {
  process.on('SIGUSR2', () => {
    bell.postMessage(null);
    collect();
  });
}
