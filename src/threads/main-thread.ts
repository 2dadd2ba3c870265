/**
 * The roles of a front and of the usage-writer on the calling thread (`threads.fronts: 0`), so that a tool which sees one thread sees
 * everything. They speak to primary as ever, over ports whose both ends are here. For profiling: the usage-writer's synchronous
 * disk writes then stop the front as well, and an exception that nobody caught ends the process.
 */
import { EventEmitter } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import { Front } from './front.ts';
import type { ThreadHandle, ThreadStarter } from './thread-starter.ts';
import { UsageWriter } from './usage-writer.ts';

/** A role has ended when it has closed its port. */
function handleOf(port: MessagePort): ThreadHandle {
  const handle = new EventEmitter();
  port.once('close', () => handle.emit('exit'));
  return handle;
}

export const mainThread: ThreadStarter = {
  front(data) {
    const handle = handleOf(data.port);
    new Front(data);
    return handle;
  },
  writer(data) {
    const handle = handleOf(data.port);
    new UsageWriter(data);
    return handle;
  },
};
