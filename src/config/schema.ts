/**
 * The one schema of the configuration: type, default, bounds and text of every key. `config/default.yaml` and
 * `config/REFERENCE.md` are generated from it, the loader validates with it, and `Config` is its output: plain data that
 * survives structured clone to every thread. Does no I/O.
 */
import { z } from 'zod';
import { catalogSchema, networkSchema } from './catalog-schema.ts';
import { GIB, HOUR_MS, int, KIB, MIB, powerOfTwo, section } from './schema-parts.ts';
import { secretSchema } from './secret.ts';
import { soraSection } from './sora-section.ts';

const host = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[A-Za-z0-9.:_-]+$/)
  .meta({ expected: 'an IP address or a host name' });

const tls = z.strictObject({
  certFile: z.string().min(1).max(1024),
  keyFile: z.string().min(1).max(1024),
  passphrase: secretSchema.nullable().default(null),
});

const fallbackPrice = z.strictObject({
  input: z.number().min(0).max(1000),
  output: z.number().min(0).max(1000),
  cacheRead: z.number().min(0).max(1000),
  cacheWrite5m: z.number().min(0).max(1000),
  cacheWrite1h: z.number().min(0).max(1000),
});

const sections = {
  listen: section('The data port: where clients send their requests.', {
    host: host.default('127.0.0.1').describe('Address to listen on; 0.0.0.0 or :: for every interface.'),
    port: int(8080, 0, 65_535, 'Port; 0 takes any free one, named in the ready file.'),
    tls: tls
      .nullable()
      .default(null)
      .meta({ leaf: true })
      .describe('TLS: {certFile, keyFile, passphrase}, PEM files read at start; null listens without.'),
    corsOrigins: z
      .array(z.string().min(1).max(253))
      .max(256)
      .default([])
      .describe(
        'Origins of pages that may read answers in a browser, such as https://app.example; "*" is any; none by default.',
      ),
    trustedProxies: z
      .array(networkSchema)
      .max(256)
      .default([])
      .describe('Networks of proxies whose x-forwarded-for names the client; from others the header means nothing.'),
  }),
  control: section('The control port: admin API, metrics, health.', {
    host: host.default('127.0.0.1').describe('Address to listen on.'),
    port: int(9090, 0, 65_535, 'Port; 0 takes any free one, named in the ready file.'),
    token: secretSchema
      .nullable()
      .default(null)
      .describe('Bearer token of the admin API; null generates one into the data folder.'),
  }),
  data: z
    .string()
    .min(1)
    .max(1024)
    .default('./data')
    .describe(
      'Folder of the embedded PostgreSQL, the journal and generated secrets; relative to the working directory.',
    ),
  database: section('PostgreSQL.', {
    url: secretSchema.nullable().default(null).describe('postgres:// address; null runs the embedded PostgreSQL.'),
    connections: int(4, 2, 100, 'Connections of primary.'),
    statementTimeoutMs: int(10_000, 100, HOUR_MS, 'Longest statement.'),
    connectTimeoutMs: int(5_000, 100, 60_000, 'Longest wait for a connection.'),
  }),
  threads: section('Threads of the gateway process.', {
    fronts: z
      .int()
      .min(0)
      .max(64)
      .nullable()
      .default(null)
      .describe(
        'Threads that relay; null takes cores − 1, at least 1, at most what limits.memoryBytesMax holds. ' +
          '0 is for profiling only: the whole gateway runs on the main thread of one process, which nothing replaces.',
      ),
    stallMs: int(
      5_000,
      1_000,
      HOUR_MS,
      'A front that takes no turn for this long is reported; after twice that the gateway process is replaced.',
    ),
  }),
  limits: section('Every bound that is not a time. The worst case they allow is added up at start.', {
    memoryBytesMax: int(5 * GIB, 256 * MIB, 1024 * GIB, 'Refuse to start when the worst case is larger than this.'),
    bodyBytesMax: int(32 * MIB, KIB, 256 * MIB, 'Largest request body.'),
    bodyBytesTotal: int(256 * MIB, MIB, 64 * GIB, 'Request bodies held at once, by all fronts together.'),
    bodyWaiters: int(
      1_024,
      0,
      100_000,
      'Bodies of one front that may wait for room in bodyBytesTotal; the next gets 503.',
    ),
    bodyWaitBytes: int(32 * MIB, 512 * KIB, GIB, 'Bytes that these bodies may keep aside meanwhile, on each front.'),
    streamBytesTotal: int(256 * MIB, MIB, 64 * GIB, 'Answer bytes waiting for slow readers, by all fronts together.'),
    exchangesPerFront: int(12_000, 1, 1_000_000, 'Open exchanges of one front.'),
    connectionsPerFront: int(20_000, 1, 1_000_000, 'Client connections of one front.'),
    websocketsPerFront: int(32, 0, 100_000, 'Open WebSockets of one front; 0 refuses them, clients then use POST.'),
    websocketsPerKey: int(16, 1, 100_000, 'Open WebSockets of one API key, on each front.'),
    users: int(16_384, 1, 1_048_576, 'Rows for users in use at once.'),
    accounts: int(16_384, 1, 65_536, 'Rows for accounts.'),
    keyCacheEntries: int(50_000, 16, 1_000_000, 'API keys that one front remembers.'),
    negativeKeyEntries: int(10_000, 16, 1_000_000, 'Unknown keys that one front remembers.'),
    keyFingerprints: int(
      250_000,
      0,
      10_000_000,
      'Keys of which primary knows a fingerprint, so that unknown ones cost no statement; with more keys they do.',
    ),
    jsonDepth: int(256, 8, 1024, 'Deepest nesting of a request body.'),
    crossingBytesMax: int(
      8 * MIB,
      64 * KIB,
      64 * MIB,
      'Largest body, answer or event that is turned from one protocol into another, and most that is kept of a stream; held twice meanwhile.',
    ),
    errorBodyBytes: int(64 * KIB, KIB, MIB, 'Largest error body of an upstream that is read.'),
  }),
  edge: section('Reading requests.', {
    bodyStallMs: int(8_000, 100, 8_000, 'Longest silence within a body; above 8 s the listener would close first.'),
    bodyWaitMs: int(
      5_000,
      0,
      7_000,
      'Longest wait for room in limits.bodyBytesTotal; above 7 s the listener could close before the answer.',
    ),
    bodyTotalMs: int(120_000, 1_000, HOUR_MS, 'Longest time for a whole body, its decoding included.'),
    inflatingMax: int(4, 1, 256, 'Compressed bodies that one front decodes at once; the next waits its turn.'),
  }),
  stream: section('Sending answers.', {
    highWaterBytes: int(MIB, 16 * KIB, 64 * MIB, 'Bytes of one answer that may wait for its reader while more comes.'),
    readerStallMs: int(
      60_000,
      1_000,
      HOUR_MS,
      'A reader that takes nothing for this long is cut off some seconds later.',
    ),
  }),
  websocket: section('WebSockets of clients, for Responses.', {
    messageBytesMax: int(2 * MIB, KIB, 256 * MIB, 'Largest message, either way; limits.bodyBytesMax holds for it too.'),
    pingMs: int(
      30_000,
      250,
      HOUR_MS,
      'A client that is silent for this long gets a ping, and is cut off without a pong.',
    ),
    idleMs: int(600_000, 1_000, 24 * HOUR_MS, 'A connection without a request for this long is closed.'),
    maxAgeMs: int(HOUR_MS, 1_000, 24 * HOUR_MS, 'A connection of this age is closed, behind the answer under way.'),
  }),
  queue: section('Waiting for a place.', {
    perUser: powerOfTwo(64, 1, 1024, 'Requests of one user that may wait; a power of two.'),
    perAccount: powerOfTwo(64, 1, 1024, 'Requests that may wait for one account; a power of two.'),
    waitMs: int(30_000, 0, HOUR_MS, 'Longest wait.'),
    pingAfterMs: int(10_000, 100, HOUR_MS, 'A streaming caller gets SSE pings after waiting this long.'),
    pingEveryMs: int(5_000, 100, 60_000, 'Time between pings.'),
  }),
  schedule: section('Choosing accounts.', {
    affinityMs: int(
      HOUR_MS,
      0,
      24 * HOUR_MS,
      'A session stays with the account that served it last, and a stored response is asked for there, for this long; 0 is off.',
    ),
    affinityEntries: int(65_536, 8, 16_777_216, 'Sessions and stored responses that are remembered.'),
  }),
  relay: section('Talking to upstreams.', {
    connectTimeoutMs: int(5_000, 10, 60_000, 'Connecting, TLS included.'),
    headersTimeoutMs: int(600_000, 10, 24 * HOUR_MS, 'Request sent to head of the answer.'),
    idleTimeoutMs: int(300_000, 10, 24 * HOUR_MS, 'Silence within an answer.'),
    totalTimeoutMs: int(HOUR_MS, 100, 24 * HOUR_MS, 'A whole attempt.'),
    errorBodyMs: int(
      2_000,
      0,
      60_000,
      'Reading an error body. The exchange waits for one that decides whose fault it is (400, 403), else it goes on meanwhile.',
    ),
    maxTokensDefault: int(
      8_192,
      1,
      1_000_000,
      'Limit of output tokens for an upstream that requires one, where a client of another protocol gave none.',
    ),
    attempts: int(3, 1, 16, 'Accounts tried for one exchange before its first byte.'),
    connectionsPerOrigin: int(4096, 1, 65_535, 'Connections of one front to one origin.'),
    keepAliveMs: int(30_000, 1_000, 600_000, 'Idle connections are kept this long.'),
    prewarm: int(1, 0, 64, 'Connections opened to each origin ahead of need, by each front.'),
    clientGoneDrainMs: int(2_000, 0, 600_000, 'How long an answer is read on for its usage when its client has left.'),
    clientGoneDrainBytes: int(MIB, 0, 64 * MIB, 'How much of it is read.'),
    holdBackMs: int(
      50,
      0,
      1_000,
      "How long a stream's opening events wait for what comes next: an error there is asked of another account. " +
        '0: not beyond their turn.',
    ),
    terminalGraceMs: int(
      1_000,
      0,
      60_000,
      'A stream whose last event has come counts as ended after this long, though its upstream does not end it.',
    ),
  }),
  rest: section('Resting an account after failures.', {
    rateLimitMs: int(30_000, 100, HOUR_MS, 'After 429 without a hint.'),
    overloadedMs: int(10_000, 100, HOUR_MS, 'After 529 without a hint.'),
    authMs: int(600_000, 100, 24 * HOUR_MS, 'After 401 or 403.'),
    errorMs: int(5_000, 10, HOUR_MS, 'After errorsBeforeRest failures in a row.'),
    errorsBeforeRest: int(3, 1, 1000, 'Failures in a row before a rest.'),
    restMsMax: int(604_800_000, 1_000, 2_678_400_000, 'Longest rest, whatever the upstream asks for.'),
  }),
  auth: section('Looking up API keys.', {
    keyTtlMs: int(60_000, 100, HOUR_MS, 'A known key is asked for again after this long.'),
    negativeTtlMs: int(10_000, 100, HOUR_MS, 'An unknown key is asked for again after this long.'),
    staleMs: int(300_000, 0, 24 * HOUR_MS, 'While PostgreSQL does not notify, cached keys are trusted to this age.'),
    lookupTimeoutMs: int(3_000, 10, 60_000, 'Longest wait for a look-up.'),
    lookupsPending: int(1_000, 1, 100_000, 'Look-ups in flight, per front.'),
  }),
  budget: section('Reserving the cost of a request ahead of its answer.', {
    outputReserveTokens: int(4_096, 0, 1_000_000, 'Output tokens reserved at most.'),
  }),
  tokenizer: section('Counting tokens here, where no upstream tells them, on threads that are made at first use.', {
    threads: int(1, 0, 16, 'Texts counted at once; 0 counts nothing, so that every estimate goes by bytes.'),
    queueJobs: int(256, 1, 65_536, 'Texts that may wait for that; the next is not counted.'),
    queueBytes: int(
      16 * MIB,
      64 * KIB,
      GIB,
      'Bytes that may wait or be counted; each front may ask for its share of them, or for one text.',
    ),
    jobBytesMax: int(
      4 * MIB,
      KIB,
      256 * MIB,
      'Largest text that is counted; of an answer whose account reports no usage no more is gathered for it.',
    ),
    deadlineMs: int(2_000, 10, 60_000, 'Longest wait for a count.'),
  }),
  sora: soraSection,
  pricing: section('Prices of models.', {
    file: z
      .string()
      .min(1)
      .max(1024)
      .nullable()
      .default(null)
      .describe('Price table; null takes the shipped config/prices.json.'),
    fallback: fallbackPrice
      .nullable()
      .default(null)
      .meta({ leaf: true })
      .describe(
        'Price of models that the table does not know, in USD per million tokens: {input, output, cacheRead, cacheWrite5m, cacheWrite1h}; null refuses them.',
      ),
  }),
  usage: section('Recording what is billed.', {
    ringBytes: powerOfTwo(16 * MIB, 64 * KIB, GIB, "One front's ring of records; a power of two."),
    journalBytesMax: int(GIB, MIB, 1024 * GIB, 'Disk space of the journal; when it is full, new requests are refused.'),
    segmentBytes: int(16 * MIB, 64 * KIB, GIB, 'One journal file.'),
    durability: z
      .enum(['async', 'journaled'])
      .default('async')
      .describe(
        'async: an answer may be complete some milliseconds before its record is on disk; journaled: its end waits for the sync, so that no crash loses what a client saw completed.',
      ),
    durableWaitMs: int(5_000, 10, 600_000, 'journaled: an answer whose record is not on disk by then is broken off.'),
    openRenewMs: int(
      5_000,
      250,
      HOUR_MS,
      'Answers under way leave an open record, by which they are billed after a crash; it is renewed this often.',
    ),
    replayWaitMs: int(
      1_000,
      0,
      HOUR_MS,
      'Longest wait at start for what an ended process left; then it goes on meanwhile.',
    ),
    syncMs: int(
      50,
      0,
      1_000,
      'Records, which are written within 1 ms, are synced to disk at least this often, against the death of the machine; journaled: at once.',
    ),
    batchRows: int(2_000, 1, 100_000, 'A batch is sent when it has this many rows,'),
    batchBytes: int(MIB, KIB, 64 * MIB, 'or this many bytes,'),
    batchMs: int(50, 1, 60_000, 'or is this old.'),
    batchTimeoutMs: int(30_000, 100, HOUR_MS, 'Longest transaction of a batch.'),
  }),
  shutdown: section('Ending.', {
    drainMs: int(30_000, 0, 24 * HOUR_MS, 'Open answers may finish within this time.'),
    reloadDrainMs: int(
      600_000,
      0,
      24 * HOUR_MS,
      'After a reload the process before may finish its open answers within this time; the next reload waits for its end.',
    ),
    flushMs: int(
      10_000,
      100,
      HOUR_MS,
      'Then records may reach PostgreSQL within this time; what is left stays in the journal.',
    ),
  }),
  supervisor: section('Starting the gateway process again after a crash.', {
    restartMinMs: int(100, 10, 60_000, 'First pause; it doubles with each crash.'),
    restartMaxMs: int(10_000, 10, 600_000, 'Longest pause.'),
  }),
  log: section('Log lines: JSON on standard error.', {
    level: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
      .default('info')
      .describe('Lowest level that is written.'),
  }),
  test: section('Switches for tests; leave them off.', {
    nameFront: z.boolean().default(false).describe('Answers carry `x-penstock-front`.'),
    crashHeader: z
      .boolean()
      .default(false)
      .describe('Anybody who sends the header `x-penstock-test` can crash or stall the front that reads it.'),
  }),
};

/** What a thread gets. */
export const configSchema = z.strictObject(sections);
export type Config = z.output<typeof configSchema>;

/** What a file may hold: the configuration and the catalog. */
export const fileSchema = z.strictObject({
  ...sections,
  catalog: catalogSchema
    .prefault({})
    .describe('A deployment in text: applied at start, idempotent by name, never deleting what it does not name.'),
});
