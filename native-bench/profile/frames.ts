/** Profiles of all threads as plain tables and one tree: functions by self time or bytes, call stacks merged by name. */
import type { CallFrame, CpuProfile, HeapNode, HeapProfile } from './thread-profile.ts';

/** Not work of the thread: it waits, or it profiles. */
const IDLE = '(idle)';
const PROFILER = '/profile/thread-profiler.ts:';

export interface Frame {
  name: string;
  /** Microseconds or bytes, of the frame itself and with all it called. */
  self: number;
  total: number;
  children: Map<string, Frame>;
}

/** `Pump.onData src/relay/pump.ts:120`; native functions have a name alone. */
export function frameName({ functionName, url, lineNumber }: CallFrame): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  return url === '' ? name : `${name} ${shortUrl(url)}:${lineNumber + 1}`;
}

function shortUrl(url: string): string {
  const modules = url.lastIndexOf('/node_modules/');
  if (modules >= 0) return url.slice(modules + '/node_modules/'.length);
  const source = Math.max(url.lastIndexOf('/src/'), url.lastIndexOf('/native-bench/'));
  return source >= 0 ? url.slice(source + 1) : url;
}

export function emptyFrame(name: string): Frame {
  return { name, self: 0, total: 0, children: new Map() };
}

/**
 * The call tree in microseconds of CPU time; what the thread waited is left out. Samples may fall into time in which the thread was
 * not scheduled: their shares are taken, the sum is the kernel's, unless that is larger: a thread that waits is kept busy by the samples.
 */
export function cpuTree(name: string, { nodes, samples, timeDeltas }: CpuProfile, cpuMs: number): Frame {
  const selfUs = new Map<number, number>();
  // A sample's time is what passes until the next one.
  samples.forEach((id, i) => {
    selfUs.set(id, (selfUs.get(id) ?? 0) + Math.max(0, timeDeltas[i + 1] ?? 0));
  });
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const root = emptyFrame(name);
  const add = (id: number, parent: Frame): number => {
    const node = byId.get(id)!;
    const label = frameName(node.callFrame);
    if (label === IDLE || label.includes(PROFILER)) return 0;
    const frame = childOf(parent, label);
    const own = selfUs.get(id) ?? 0;
    const total = (node.children ?? []).reduce((sum, child) => sum + add(child, frame), own);
    frame.self += own;
    frame.total += total;
    return total;
  };
  root.total = (nodes[0]?.children ?? []).reduce((sum, id) => sum + add(id, root), 0);
  scale(root, Math.min(1, (cpuMs * 1000) / Math.max(1, root.total)));
  return root;
}

function scale(frame: Frame, factor: number): void {
  frame.self *= factor;
  frame.total *= factor;
  for (const child of frame.children.values()) scale(child, factor);
}

/** The call tree, sizes in bytes allocated. */
export function heapTree(name: string, { head }: HeapProfile): Frame {
  const root = emptyFrame(name);
  const add = (node: HeapNode, parent: Frame): number => {
    const label = frameName(node.callFrame);
    if (label.includes(PROFILER)) return 0;
    const frame = childOf(parent, label);
    const total = node.children.reduce((sum, child) => sum + add(child, frame), node.selfSize);
    frame.self += node.selfSize;
    frame.total += total;
    return total;
  };
  root.total = head.children.reduce((sum, child) => sum + add(child, root), 0);
  return root;
}

function childOf(parent: Frame, name: string): Frame {
  let child = parent.children.get(name);
  if (child === undefined) {
    child = emptyFrame(name);
    parent.children.set(name, child);
  }
  return child;
}

export interface FunctionSum {
  name: string;
  self: number;
  /** With all it called; recursion counts once. */
  total: number;
}

/** All functions of a tree, the largest self first; a native function once for each of its callers. */
export function functionSums(root: Frame): FunctionSum[] {
  const sums = new Map<string, FunctionSum>();
  const visit = (frame: Frame, caller: string, above: Set<string>): void => {
    const name = isNative(frame.name) && caller !== '' ? `${frame.name} ← ${caller}` : frame.name;
    const sum = sums.get(name) ?? { name, self: 0, total: 0 };
    sums.set(name, sum);
    sum.self += frame.self;
    const outermost = !above.has(name);
    if (outermost) sum.total += frame.total;
    if (outermost) above.add(name);
    for (const child of frame.children.values()) visit(child, frame.name, above);
    if (outermost) above.delete(name);
  };
  for (const child of root.children.values()) visit(child, '', new Set());
  return largestFirst(sums);
}

/** Self time by whose code it is: `src/edge`, `undici`, `node`, `native`, the collector. */
export function partSums(root: Frame): FunctionSum[] {
  const sums = new Map<string, FunctionSum>();
  const visit = (frame: Frame): void => {
    const name = partOf(frame.name);
    const sum = sums.get(name) ?? { name, self: 0, total: 0 };
    sums.set(name, sum);
    sum.self += frame.self;
    for (const child of frame.children.values()) visit(child);
  };
  for (const child of root.children.values()) visit(child);
  return largestFirst(sums);
}

function partOf(name: string): string {
  if (isNative(name)) return name.startsWith('(') ? name : 'native functions';
  const url = name.slice(name.lastIndexOf(' ') + 1);
  const [first = '', second = ''] = url.split('/');
  if (url.startsWith('node:')) return 'node';
  return first === 'src' || first.startsWith('@') ? `${first}/${second}` : first;
}

/** Its place in a file is missing. */
function isNative(name: string): boolean {
  return !name.includes(':') || name.startsWith('js-to-wasm') || name.startsWith('wasm-to-js');
}

function largestFirst(sums: ReadonlyMap<string, FunctionSum>): FunctionSum[] {
  return [...sums.values()].filter(({ self, total }) => self + total > 0).sort((a, b) => b.self - a.self);
}
