/**
 * Every bound at one place: the worst case in memory, added up line by line from budgets, never from products of maxima (a body
 * of every exchange at its maximum, say, cannot happen: bodies share one budget). Runs at boot in supervisor and primary, and in
 * the CLI.
 *
 *   fronts ×  heap, native exchanges and connections, ring │ shared budgets: bodies, answers waiting │ shared tables
 *   primary │ usage-writer │ supervisor │ embedded PostgreSQL                                        └─ sum ≤ memoryBytesMax
 */
import { availableParallelism } from 'node:os';
import { ConfigError } from './config-error.ts';
import type { Config } from './schema.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Measured: a bare worker thread of Node 22 costs 11.4 MiB of RSS; twice that with code and stacks of a working one. */
const THREAD_BYTES = 24 * MIB;
/** Bare process (44.5 MiB measured) and compiled code of the product. */
const PROCESS_BYTES = 96 * MIB;
/** An open stream costs 16 KiB in all (traps: 15), half of it on the V8 heap. */
const EXCHANGE_HEAP_BYTES = 8 * KIB;
const EXCHANGE_NATIVE_BYTES = 8 * KIB;
/** A client connection in uWebSockets.js: measured 2.0 KiB idle, 5.5 with a head of 3.5 KiB that stands half-way. */
const CONNECTION_NATIVE_BYTES = 6 * KIB;
/** What TLS adds to it: measured 2.7 to 2.9 KiB after the handshake, more while it lasts, which is 10 s at most. */
const CONNECTION_TLS_BYTES = 8 * KIB;
/** What the server adds to the longest message before it closes the connection (`edge/listener.ts`). */
const MESSAGE_MARGIN_BYTES = 256 * KIB;
/** A principal with its lists, its hash and the map entry around it. */
const KEY_ENTRY_BYTES = KIB;
const NEGATIVE_ENTRY_BYTES = 256;
/** A number in a set, and the text of the hash while the set is made. */
const FINGERPRINT_BYTES = 160;
/** One account of the snapshot: decoded on each front, kept encoded and decoded on primary. */
const ACCOUNT_HEAP_BYTES = KIB;
/** Garbage that a generation may hold before it is collected. */
const HEAP_SLACK_BYTES = 128 * MIB;
/** A body in the queue for room: an entry of a map and the list of what it keeps aside. */
const WAITER_BYTES = 256;
/** A user or account row beside its queue and its owners: counts, generation, ledger or health. */
const ROW_BYTES = 64;
/** What an owner (a front, or the predecessor) adds to a row: a word for places, for users also 64 bits for money reserved. */
const OWNER_USER_BYTES = 12;
const OWNER_ACCOUNT_BYTES = 4;
/** `coordinate/local/affinity-table.ts`: buckets of 8 entries in 144 bytes. */
const AFFINITY_ENTRY_BYTES = 18;
/** Tickets, doorbells and heartbeats: a state word and a free-list word each. */
const TICKET_BYTES = 8;
/** The embedded PostgreSQL: shared buffers and WAL buffers, and each backend's own memory. */
const POSTGRES_SHARED_BYTES = 192 * MIB;
const POSTGRES_BACKEND_BYTES = 16 * MIB;
/** Heap of a counting worker: all four vocabularies (57 MiB measured), garbage, and its text as bytes, as a string and in pieces. */
const VOCABULARY_BYTES = 96 * MIB;
const TEXT_COPIES = 6;
/** A media job on primary: its row, its promise, its timers; on a front its exchange is counted already. */
const JOB_BYTES = 64 * KIB;
/** A picture as it is read, sent on and, when it was made, written as base64 for the front. */
const PICTURE_COPIES = 3;
/** Connections besides primary's pool: usage-writer (COPY, statements), LISTEN, one spare for an operator. */
const EXTRA_CONNECTIONS = 4;
/** An open record as the usage-writer keeps it: its bytes, its id and the map entry; on the front as an object half of that. */
const OPEN_RECORD_BYTES = KIB;
/** File descriptors besides sockets: database, journal, epoll, standard streams, libraries. */
const SPARE_DESCRIPTORS = 256;
/** Bytes one admitted exchange reserves in its front's ring: the largest record and its length prefix. */
const RING_RECORD_BYTES = 1024 + 8;

export interface MemoryLine {
  name: string;
  bytes: number;
  /** How the figure is made, with the keys that move it. */
  why: string;
}

export interface WorstCase {
  lines: MemoryLine[];
  totalBytes: number;
}

/** Number of fronts: as configured (0: one, on the main thread), else cores − 1, at least 1, at most what `limits.memoryBytesMax` holds. */
export function frontCount(config: Config, cores: number = availableParallelism()): number {
  if (config.threads.fronts !== null) return Math.max(1, config.threads.fronts);
  let fronts = Math.min(64, Math.max(1, cores - 1));
  while (fronts > 1 && worstCase(config, fronts).totalBytes > config.limits.memoryBytesMax) fronts--;
  return fronts;
}

/** Bound of a front's V8 heap: give it to the worker as `resourceLimits.maxOldGenerationSizeMb`. */
export function frontHeapBytes(config: Config): number {
  const { limits } = config;
  return (
    HEAP_SLACK_BYTES +
    limits.exchangesPerFront * EXCHANGE_HEAP_BYTES +
    limits.keyCacheEntries * KEY_ENTRY_BYTES +
    limits.negativeKeyEntries * NEGATIVE_ENTRY_BYTES +
    limits.accounts * ACCOUNT_HEAP_BYTES
  );
}

/** Bound of a counting worker's V8 heap. */
export function counterHeapBytes({ tokenizer }: Config): number {
  return VOCABULARY_BYTES + TEXT_COPIES * tokenizer.jobBytesMax;
}

/** Bytes of texts that one front may have out for counting at once. */
export function countingShareBytes({ tokenizer }: Config, fronts: number): number {
  return Math.max(tokenizer.jobBytesMax, Math.floor(tokenizer.queueBytes / fronts));
}

/** Adds up what the process, its supervisor and the embedded PostgreSQL may hold at worst. */
export function worstCase(config: Config, fronts: number): WorstCase {
  const lines = [
    ...sharedLines(config, fronts),
    ...frontLines(config, fronts),
    ...countingLines(config, fronts),
    ...processLines(config, fronts),
  ];
  return { lines, totalBytes: lines.reduce((sum, line) => sum + line.bytes, 0) };
}

function sharedLines({ limits, queue, schedule }: Config, fronts: number): MemoryLine[] {
  const owners = fronts + 2;
  const userRow = ROW_BYTES + 4 * queue.perUser + OWNER_USER_BYTES * owners;
  const accountRow = ROW_BYTES + 4 * queue.perAccount + OWNER_ACCOUNT_BYTES * owners;
  return [
    { name: 'request bodies', bytes: limits.bodyBytesTotal, why: 'limits.bodyBytesTotal, shared by all fronts' },
    {
      name: 'answers waiting for readers',
      bytes: limits.streamBytesTotal,
      why: 'limits.streamBytesTotal, shared by all fronts',
    },
    { name: 'user rows', bytes: limits.users * userRow, why: `limits.users × ${userRow} B (queue.perUser, fronts)` },
    {
      name: 'sessions and stored responses',
      bytes: AFFINITY_ENTRY_BYTES * 2 ** Math.ceil(Math.log2(schedule.affinityEntries)),
      why: `schedule.affinityEntries (up to a power of two) × ${AFFINITY_ENTRY_BYTES} B`,
    },
    {
      name: 'account rows',
      bytes: limits.accounts * accountRow,
      why: `limits.accounts × ${accountRow} B (queue.perAccount, fronts)`,
    },
  ];
}

function frontLines(config: Config, fronts: number): MemoryLine[] {
  const { limits, usage, listen, websocket } = config;
  const messages = limits.websocketsPerFront * (2 * websocket.messageBytesMax + MESSAGE_MARGIN_BYTES);
  const connection = CONNECTION_NATIVE_BYTES + (listen.tls === null ? 0 : CONNECTION_TLS_BYTES);
  const native =
    limits.exchangesPerFront * (EXCHANGE_NATIVE_BYTES + TICKET_BYTES) + limits.connectionsPerFront * connection;
  const waiting = limits.bodyWaitBytes + limits.bodyWaiters * WAITER_BYTES;
  return [
    {
      name: 'bodies waiting for room',
      bytes: fronts * waiting,
      why: `${fronts} × (limits.bodyWaitBytes + limits.bodyWaiters × 256 B)`,
    },
    {
      name: 'messages on WebSockets',
      bytes: fronts * messages,
      why: `${fronts} × limits.websocketsPerFront × (2 × websocket.messageBytesMax + 256 KiB): put together by server and client library`,
    },
    { name: 'usage rings', bytes: fronts * usage.ringBytes, why: `${fronts} × usage.ringBytes` },
    {
      name: 'heaps of the fronts',
      bytes: fronts * frontHeapBytes(config),
      why: `${fronts} × (128 MiB + exchanges × 8 KiB + key cache × 1 KiB + unknown keys × 256 B + accounts × 1 KiB)`,
    },
    {
      name: 'sockets of the fronts',
      bytes: fronts * native,
      why: `${fronts} × (limits.exchangesPerFront × 8 KiB + limits.connectionsPerFront × ${connection / KIB} KiB)`,
    },
    {
      name: 'threads',
      bytes: (fronts + 1) * THREAD_BYTES,
      why: `${fronts} fronts and usage-writer × 24 MiB: isolate, code, stack`,
    },
  ];
}

function countingLines(config: Config, fronts: number): MemoryLine[] {
  const { threads, jobBytesMax } = config.tokenizer;
  if (threads === 0) return [];
  return [
    {
      name: 'texts to be counted',
      bytes: fronts * countingShareBytes(config, fronts),
      why: `${fronts} × tokenizer.queueBytes / ${fronts}, or tokenizer.jobBytesMax if that is more`,
    },
    {
      name: 'counting workers',
      bytes: threads * (THREAD_BYTES + counterHeapBytes(config) + jobBytesMax),
      why: 'tokenizer.threads × (120 MiB + 7 × tokenizer.jobBytesMax)',
    },
  ];
}

function processLines({ limits, usage, auth, database, sora }: Config, fronts: number): MemoryLine[] {
  const backends = database.connections + EXTRA_CONNECTIONS;
  const primary =
    PROCESS_BYTES +
    HEAP_SLACK_BYTES +
    limits.accounts * 2 * ACCOUNT_HEAP_BYTES +
    (auth.lookupsPending + limits.keyCacheEntries) * KEY_ENTRY_BYTES +
    limits.keyFingerprints * FINGERPRINT_BYTES;
  const lines = [
    {
      name: 'primary',
      bytes: primary,
      why: '224 MiB + limits.accounts × 2 KiB + (auth.lookupsPending + limits.keyCacheEntries) × 1 KiB + limits.keyFingerprints × 160 B',
    },
    {
      name: 'usage-writer',
      bytes: HEAP_SLACK_BYTES + usage.segmentBytes + 8 * usage.batchBytes,
      why: '128 MiB + usage.segmentBytes (replay) + 8 × usage.batchBytes (two batches as rows and on their way)',
    },
    {
      name: 'open records',
      bytes: fronts * limits.exchangesPerFront * OPEN_RECORD_BYTES,
      why: `${fronts} × limits.exchangesPerFront × 1 KiB, on the usage-writer and at replay`,
    },
    {
      name: 'media jobs',
      bytes: 2 * sora.jobsMax * JOB_BYTES + PICTURE_COPIES * sora.imageBytesTotal,
      why: '2 × sora.jobsMax × 64 KiB (prompts of 32,000 characters; under way, being written down) + 3 × sora.imageBytesTotal',
    },
    { name: 'supervisor', bytes: PROCESS_BYTES, why: 'a process without traffic' },
  ];
  if (database.url !== null) return lines;
  const postgres = POSTGRES_SHARED_BYTES + backends * POSTGRES_BACKEND_BYTES;
  return [...lines, { name: 'embedded PostgreSQL', bytes: postgres, why: `192 MiB + ${backends} backends × 16 MiB` }];
}

/**
 * Holds the worst case to its bound. Throws ConfigError with the table when it is larger.
 * Returns warnings about what the machine does not grant; none of them stops a start.
 */
export function checkLimits(config: Config, fronts: number, openFilesMax: number | null): string[] {
  const sum = worstCase(config, fronts);
  if (sum.totalBytes > config.limits.memoryBytesMax) {
    const bound = mebibytes(config.limits.memoryBytesMax);
    throw new ConfigError([
      `limits.memoryBytesMax: ${fronts} fronts may need ${mebibytes(sum.totalBytes)}, the bound is ${bound}\n${formatWorstCase(sum)}`,
    ]);
  }
  return [
    ...frontWarnings(config, fronts),
    ...descriptorWarnings(config, fronts, openFilesMax),
    ...ringWarnings(config),
    ...bodyWarnings(config),
  ];
}

/** The sum as an aligned table, for messages, `doctor` and the start. */
export function formatWorstCase({ lines, totalBytes }: WorstCase): string {
  const rows = [...lines, { name: 'sum', bytes: totalBytes, why: '' }];
  const wide = Math.max(...rows.map((row) => row.name.length));
  return rows
    .map((row) => `  ${row.name.padEnd(wide)}  ${mebibytes(row.bytes).padStart(12)}  ${row.why}`.trimEnd())
    .join('\n');
}

function frontWarnings({ threads }: Config, fronts: number): string[] {
  if (threads.fronts === 0)
    return ['threads.fronts: 0 runs everything on the main thread of one process: for profiling, not for service'];
  const wanted = Math.min(64, availableParallelism() - 1);
  if (threads.fronts !== null || fronts >= wanted) return [];
  return [
    `threads.fronts: ${fronts} instead of ${wanted}, because limits.memoryBytesMax holds no more; raise it to use every core`,
  ];
}

/**
 * Client connections that one front accepts: as configured, unless the system grants fewer files. Each exchange may need one more
 * for its upstream, so what is granted is parted between both sides.
 */
export function connectionBound({ limits }: Config, fronts: number, openFilesMax: number | null): number {
  if (openFilesMax === null) return limits.connectionsPerFront;
  const share = Math.floor((openFilesMax - SPARE_DESCRIPTORS) / fronts);
  const granted = Math.max(Math.floor(share / 2), share - limits.exchangesPerFront - limits.websocketsPerFront);
  return Math.max(1, Math.min(limits.connectionsPerFront, granted));
}

function descriptorWarnings(config: Config, fronts: number, openFilesMax: number | null): string[] {
  const { limits } = config;
  const perFront = limits.connectionsPerFront + limits.exchangesPerFront + limits.websocketsPerFront;
  const needed = fronts * perFront + SPARE_DESCRIPTORS;
  if (openFilesMax === null || openFilesMax >= needed) return [];
  const bound = connectionBound(config, fronts, openFilesMax);
  return [
    `open files: the system grants ${openFilesMax}, but limits.connectionsPerFront, exchangesPerFront and websocketsPerFront allow ${needed}; ` +
      `each front accepts ${bound} connections; raise the one (ulimit -n) or lower the others`,
  ];
}

function ringWarnings({ limits, usage }: Config): string[] {
  const records = Math.floor(usage.ringBytes / RING_RECORD_BYTES);
  if (records >= limits.exchangesPerFront) return [];
  return [
    `usage.ringBytes: holds ${records} records, so limits.exchangesPerFront (${limits.exchangesPerFront}) cannot be reached`,
  ];
}

function bodyWarnings({ limits }: Config): string[] {
  if (limits.bodyBytesTotal >= limits.bodyBytesMax) return [];
  return ['limits.bodyBytesTotal: smaller than limits.bodyBytesMax, so the largest bodies are never accepted'];
}

function mebibytes(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}
