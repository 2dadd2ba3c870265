/** A native proxy as a child process, with a temporary folder of its own that goes when it does. */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { poll, readyOrEnded, stopChild } from '../rig/child.ts';
import { processTree } from '../rig/cpu-time.ts';
import { answers } from './answers.ts';
import type { Contender } from './contender.ts';

export interface ProxyProcess {
  name: string;
  program: string;
  args: string[];
  folder: string;
  port: number;
}

/** Rejects when the program is not there or ends before it answers. */
export async function startProxy({ name, program, args, folder, port }: ProxyProcess): Promise<Contender> {
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (error) => reject(new Error(`${name} cannot be started: ${error.message}`)));
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)));
  });
  failed.catch(() => {});
  const url = `http://127.0.0.1:${port}`;
  await readyOrEnded(child, Promise.race([poll(`${name} to answer`, () => answers(url)), failed]));
  const pids = processTree(child.pid!);
  return {
    name,
    url,
    pids: () => pids,
    behindPids: () => [],
    stop: async () => {
      await stopChild(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
