/** What is compared: each contender is started by its own file and stopped by process id. */
export interface Contender {
  name: string;
  /** Base URL that the load goes to. */
  url: string;
  /** Processes whose CPU time counts. */
  pids(): number[];
  /** Processes that work for it but are not on the path of a request (the database). */
  behindPids(): number[];
  stop(): Promise<void>;
}
