/**
 * How long scenarios load, warm up and wait, as data: what each takes in a quick and in a full run, and how often a quick run takes it. So
 * the length of a quick run is a sum that a test holds to its budget.
 */

export interface Window {
  /** Seconds, once. */
  quick: number;
  full: number;
  /** Of a quick run: contenders, cases or phases that it is taken for. 0: a full run alone has it. */
  subjects: number;
  /** Taken anew in every round; otherwise once. */
  everyRound?: boolean;
}

export interface ScenarioPlan {
  /** Alternated rounds of a quick run: one where the verdict is a count or compares parts of one round. */
  quickRounds: number;
  /** Starts of a gateway (with PostgreSQL) that a quick run waits for; what starts side by side is one. */
  quickStarts: number;
  windows: Readonly<Record<string, Window>>;
}

/** Of every scenario, by its name. */
export const PLANS = {
  traffic: {
    quickRounds: 2,
    quickStarts: 1,
    windows: {
      // As many seconds as the requests take, no more than these.
      warmUp: { quick: 6, full: 15, subjects: 2 },
      nativeWarmUp: { quick: 0, full: 1, subjects: 1 },
      laterWarmUp: { quick: 0, full: 2, subjects: 0 },
      json: { quick: 1, full: 4, subjects: 3, everyRound: true },
      streams: { quick: 1, full: 5, subjects: 3, everyRound: true },
      busiestThreads: { quick: 1, full: 2, subjects: 1 },
      systemCalls: { quick: 1, full: 2, subjects: 3 },
      runtimes: { quick: 2, full: 3, subjects: 2 },
      crossCheck: { quick: 1, full: 4, subjects: 2 },
    },
  },
  protocols: {
    quickRounds: 2,
    quickStarts: 1,
    windows: {
      // Penstock in every protocol, the forwarder in one: it knows none of them.
      // As long as the streams are.
      warmUp: { quick: 0.4, full: 3, subjects: 7 },
      streams: { quick: 0.4, full: 3, subjects: 18, everyRound: true },
    },
  },
  latency: {
    quickRounds: 2,
    quickStarts: 1,
    windows: {
      warmUp: { quick: 1, full: 6, subjects: 2 },
      openLoopWarmUp: { quick: 0.1, full: 0.1, subjects: 8, everyRound: true },
      json: { quick: 0.3, full: 1.5, subjects: 4, everyRound: true },
      firstEvent: { quick: 0.4, full: 3.5, subjects: 4, everyRound: true },
      atRateWarmUp: { quick: 0.3, full: 0.3, subjects: 6 },
      atRate: { quick: 0.6, full: 4, subjects: 6 },
      sustained: { quick: 0, full: 2, subjects: 0 },
    },
  },
  streams: {
    quickRounds: 1,
    quickStarts: 1,
    windows: {
      events: { quick: 1, full: 5, subjects: 6, everyRound: true },
      // Twice after each count of streams.
      settle: { quick: 0.8, full: 1.5, subjects: 4, everyRound: true },
    },
  },
  'error-storm': {
    quickRounds: 1,
    quickStarts: 1,
    windows: {
      warmUp: { quick: 0.5, full: 4, subjects: 3 },
      storm: { quick: 2, full: 5, subjects: 3, everyRound: true },
      quiet: { quick: 0.5, full: 1, subjects: 3, everyRound: true },
    },
  },
  accounts: {
    quickRounds: 2,
    quickStarts: 1,
    windows: {
      warmUp: { quick: 1, full: 3, subjects: 2 },
      load: { quick: 1, full: 4, subjects: 2, everyRound: true },
    },
  },
  'hot-user': {
    quickRounds: 2,
    quickStarts: 1,
    windows: {
      normalWarmUp: { quick: 0.5, full: 3, subjects: 2 },
      hotWarmUp: { quick: 1, full: 3, subjects: 2 },
      hot: { quick: 1, full: 4, subjects: 3, everyRound: true },
      openLoopWarmUp: { quick: 0.3, full: 0.3, subjects: 1, everyRound: true },
      normal: { quick: 1.5, full: 6, subjects: 1, everyRound: true },
      // The normal users' time lies within.
      beside: { quick: 3, full: 8, subjects: 2, everyRound: true },
    },
  },
  database: {
    quickRounds: 1,
    quickStarts: 2,
    windows: {
      warmUp: { quick: 2, full: 5, subjects: 1 },
      phase: { quick: 2, full: 10, subjects: 5, everyRound: true },
    },
  },
  soak: {
    quickRounds: 1,
    quickStarts: 1,
    windows: {
      firstTraffic: { quick: 2, full: 2, subjects: 1 },
      traffic: { quick: 12, full: 1_800, subjects: 1 },
    },
  },
  scaling: {
    quickRounds: 2,
    quickStarts: 1,
    windows: {
      warmUp: { quick: 2, full: 8, subjects: 2 },
      idle: { quick: 1, full: 3, subjects: 2 },
      steady: { quick: 2, full: 5, subjects: 2, everyRound: true },
      cores: { quick: 2, full: 5, subjects: 0 },
    },
  },
  users: {
    quickRounds: 2,
    quickStarts: 1,
    windows: { warmUp: { quick: 3, full: 6, subjects: 1 } },
  },
  rows: {
    quickRounds: 1,
    quickStarts: 1,
    windows: {
      warmUp: { quick: 2, full: 2, subjects: 1 },
      openLoopWarmUp: { quick: 1, full: 1, subjects: 2, everyRound: true },
      steady: { quick: 2, full: 8, subjects: 2, everyRound: true },
      load: { quick: 1, full: 5, subjects: 2, everyRound: true },
    },
  },
  tls: {
    quickRounds: 1,
    quickStarts: 1,
    windows: {
      warmUp: { quick: 4, full: 15, subjects: 2 },
      nativeWarmUp: { quick: 0, full: 1, subjects: 1 },
      json: { quick: 1, full: 4, subjects: 3, everyRound: true },
      streams: { quick: 1, full: 5, subjects: 3, everyRound: true },
    },
  },
  'cold-start': {
    quickRounds: 2,
    // Each round a start, a restart, and initdb alone; and one beforehand.
    quickStarts: 5,
    windows: {},
  },
} as const satisfies Record<string, ScenarioPlan>;

export type ScenarioName = keyof typeof PLANS;

/**
 * What a quick run may plan, so that it is over in less than 300 s on two cores: its windows, and its starts at 2 s each. The rest, some 50 s
 * on a quiet machine, are load processes that start, rows and catalogs that are filled, and ends.
 */
export const QUICK_BUDGET_SECONDS = 225;
export const START_SECONDS = 2;

export const QUICK_ROUNDS_MAX = Math.max(...Object.values(PLANS).map(({ quickRounds }) => quickRounds));

/** Seconds of one taking. */
export function secondsOf({ quick }: { quick: boolean }, window: Window): number {
  return quick ? window.quick : window.full;
}

/** Seconds of all windows of a scenario in a quick run with its own number of rounds. */
export function quickSeconds({ windows, quickRounds }: ScenarioPlan): number {
  return Object.values(windows).reduce(
    (sum, { quick, subjects, everyRound }) => sum + quick * subjects * (everyRound === true ? quickRounds : 1),
    0,
  );
}
