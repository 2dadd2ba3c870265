/**
 * What the supervisor tells a gateway process at its start, over the IPC channel (the database URL holds a password and so
 * is neither an argument nor an environment variable). Plain data. Everything else the gateway reads from the configuration itself.
 */
export interface PrimaryOptions {
  /** The operator's configuration file, absolute; null when there is none. */
  configPath: string | null;
  /** PostgreSQL connection URL, of the embedded server or of the configuration. */
  databaseUrl: string;
  /** Absolute path; exists and is locked by the supervisor. */
  dataDir: string;
  /** Nobody configured an account: a demo account, user and key make the first request possible. */
  demo: boolean;
  /** Ports of the gateway process that this one replaces, so that port 0 stays the same number; null at the first start. */
  listenPort: number | null;
  controlPort: number | null;
}
