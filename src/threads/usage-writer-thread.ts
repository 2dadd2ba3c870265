/** Entry of the usage-writer's worker thread, which ends when the writer has closed its port. */
import { workerData } from 'node:worker_threads';
import type { WriterData } from './protocol.ts';
import { UsageWriter } from './usage-writer.ts';

const data = workerData as WriterData;

new UsageWriter(data);
// What a lost connection left of timers and sockets must not hold up the end of the process.
data.port.once('close', () => process.exit(0));
