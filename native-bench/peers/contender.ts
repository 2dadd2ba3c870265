/** What is compared: each contender is started by its own file and stopped by process id. */
export interface Contender {
  name: string;
  /** Base URL that the load goes to. */
  url: string;
  /** Sent with every request, beside those of the protocol. */
  headers?: Record<string, string>;
  /** Penstock: its control port, data folder and supervisor. */
  penstock?: { control: string; dataDir: string; supervisorPid: number; gatewayPid: number };
  /** Processes whose CPU time and memory count. */
  pids(): number[];
  /** Processes that work for it but are not on the path of a request (the database). */
  behindPids(): number[];
  stop(): Promise<void>;
}

/** What a scenario may ask of a contender; those that know nothing of it take no notice. */
export interface StartOptions {
  /** Sections of Penstock's configuration, merged over what the bench uses. */
  config?: Record<string, unknown>;
  /** PEM file that the upstream's certificate is verified with. */
  caFile?: string;
}
