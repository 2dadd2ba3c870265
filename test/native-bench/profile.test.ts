import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { flameGraph } from '../../native-bench/profile/flame-graph.ts';
import { cpuTree, functionSums, heapTree, partSums } from '../../native-bench/profile/frames.ts';
import {
  type CallFrame,
  type CpuProfile,
  PROFILE_ENV,
  type ProfileOrder,
  type ThreadProfile,
} from '../../native-bench/profile/thread-profile.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { waitFor } from '../support/wait-for.ts';

const PRELOAD = fileURLToPath(new URL('../../native-bench/profile/thread-profiler.ts', import.meta.url));

function at(functionName: string, url = '', line = 1): CallFrame {
  return { functionName, url, lineNumber: line - 1 };
}

/** root → relay → (send, relay again → send), idle beside it; 100 µs a sample. */
const PROFILE: CpuProfile = {
  nodes: [
    { id: 1, callFrame: at('(root)'), children: [2, 6] },
    { id: 2, callFrame: at('relay', 'file:///x/src/relay/pump.ts', 7), children: [3, 4] },
    { id: 3, callFrame: at('send') },
    { id: 4, callFrame: at('relay', 'file:///x/src/relay/pump.ts', 7), children: [5] },
    { id: 5, callFrame: at('send') },
    { id: 6, callFrame: at('(idle)') },
  ],
  startTime: 0,
  endTime: 800,
  samples: [2, 3, 5, 4, 6, 6, 3, 2],
  timeDeltas: [0, 100, 100, 100, 100, 100, 100, 100],
};

test('functions of a CPU profile: waiting is left out, recursion counts once, a native function is told by its caller', () => {
  const tree = cpuTree('front-0', PROFILE, 1000);
  assert.equal(tree.total, 500);
  const [send, relay, ...others] = functionSums(tree);
  assert.deepEqual(send, { name: 'send ← relay src/relay/pump.ts:7', self: 300, total: 300 });
  assert.deepEqual(relay, { name: 'relay src/relay/pump.ts:7', self: 200, total: 500 });
  assert.deepEqual(others, []);
  assert.deepEqual(
    partSums(tree).map(({ name, self }) => [name, self]),
    [
      ['native functions', 300],
      ['src/relay', 200],
    ],
  );
});

test('a profile of a thread that was not always scheduled adds up to the CPU time that the kernel counted', () => {
  assert.equal(cpuTree('front-0', PROFILE, 0.25).total, 250);
  assert.equal(functionSums(cpuTree('front-0', PROFILE, 0.25))[0]?.self, 150);
});

test('bytes of a heap profile are summed by function', () => {
  const leaf = { callFrame: at('copy', 'file:///x/node_modules/undici/lib/a.js', 3), selfSize: 40, children: [] };
  const head = { callFrame: at('(root)'), selfSize: 0, children: [leaf, { ...leaf, selfSize: 2 }] };
  const tree = heapTree('front-0', { head });
  assert.deepEqual(functionSums(tree), [{ name: 'copy undici/lib/a.js:3', self: 42, total: 42 }]);
});

test('the flame graph has a box for each frame, as wide as its share, and escapes names', () => {
  const tree = cpuTree('front-0', { ...PROFILE, nodes: PROFILE.nodes.map(rename) }, 1000);
  const svg = flameGraph([tree], { title: 'all', words: (size) => `${size} µs` });
  assert.match(svg, /^<svg /);
  assert.equal(svg.match(/<g /g)?.length, 6, 'title, thread, relay, send, relay, send');
  assert.match(svg, /&lt;send&gt;/);
  assert.doesNotMatch(svg, /<send>/);
  // send is called from relay for 200 of 500 µs, and for 100 from the relay within.
  assert.match(svg, /data-w="640\.00" data-d="3"/);
});

function rename(node: CpuProfile['nodes'][number]): CpuProfile['nodes'][number] {
  return node.callFrame.functionName === 'send' ? { ...node, callFrame: at('<send>') } : node;
}

/** Each thread says each of its turns. */
const BUSY = `
const { isMainThread, Worker } = require('node:worker_threads');
if (isMainThread) new Worker(__filename, { name: 'front-0' });
setInterval(function burn() {
  const end = performance.now() + 5;
  while (performance.now() < end) [].concat([1]);
  process.stdout.write(isMainThread ? 'p' : 'f');
}, 10);
`;

/** A process with a worker, both busy, that is told to profile itself. */
async function profileThreads(t: TestContext, kind: ProfileOrder['kind']): Promise<ThreadProfile[]> {
  const folder = tempFolder(t);
  const busy = join(folder, 'busy.cjs');
  writeFileSync(busy, BUSY);
  const args = ['--disable-warning=ExperimentalWarning', '--import', PRELOAD, busy];
  const env = { ...process.env, [PROFILE_ENV]: JSON.stringify({ folder, kind } satisfies ProfileOrder) };
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  t.after(() => child.kill('SIGKILL'));
  const names = ['primary', 'front-0'];
  const allHave = (extension: string): boolean =>
    names.every((name) => existsSync(join(folder, `${name}.${extension}`)));
  // The worker may not listen yet when the first thread does: a signal that it missed would turn the two apart.
  await waitFor('both threads to listen', () => allHave('ready'));
  child.kill('SIGUSR2');
  await waitFor('both threads to begin', () => allHave('started'));
  let turns = '';
  child.stdout.on('data', (chunk: Buffer) => {
    turns += chunk;
  });
  await waitFor('some turns of both', () => ['p', 'f'].every((thread) => turns.split(thread).length > 30));
  child.kill('SIGUSR2');
  await waitFor('both threads to end', () => allHave('json'));
  return names.map((name) => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as ThreadProfile);
}

test('every thread of a process profiles itself when the process is told to', async (t) => {
  for (const { thread, cpu, userMs, systemMs } of await profileThreads(t, 'cpu')) {
    const names = functionSums(cpuTree(thread, cpu!, userMs + systemMs)).map(({ name }) => name);
    assert.ok(
      names.some((name) => name.startsWith('burn ')),
      `${thread}: ${names.join(', ')}`,
    );
  }
});

test('every thread of a process tells what it allocates', async (t) => {
  for (const { thread, heap } of await profileThreads(t, 'heap')) {
    assert.ok(heapTree(thread, heap!).total > 0, thread);
  }
});
