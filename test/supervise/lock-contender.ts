/** Helper process of data-lock.test.ts: waits for a start time, tries the lock, says what came of it, holds on until told to go. */
import { lockDataFolder } from '#supervise/data-lock.ts';

const [dataDir = '', startAtMs = '0'] = process.argv.slice(2);

while (Date.now() < Number(startAtMs)) {
  // All contenders leave this loop within the same millisecond.
}
try {
  const lock = lockDataFolder(dataDir);
  process.stdin.once('end', () => lock.release());
  process.stdin.resume();
  process.stdout.write('won\n');
} catch (error) {
  process.stdout.write(`lost ${(error as Error).message}\n`);
}
