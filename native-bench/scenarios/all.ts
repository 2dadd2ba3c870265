/** Every scenario, in the order in which they run. */
import { accounts } from './accounts.ts';
import { coldStart } from './cold-start.ts';
import { database } from './database.ts';
import { errorStorm } from './error-storm.ts';
import { hotUserScenario } from './hot-user.ts';
import { latency } from './latency.ts';
import { protocols } from './protocols.ts';
import { rows } from './rows.ts';
import { scaling } from './scaling.ts';
import type { Scenario } from './scenario.ts';
import { soak } from './soak.ts';
import { streams } from './streams.ts';
import { tls } from './tls.ts';
import { traffic } from './traffic.ts';
import { users } from './users.ts';

export const SCENARIOS: readonly Scenario[] = [
  traffic,
  protocols,
  latency,
  streams,
  errorStorm,
  accounts,
  hotUserScenario,
  database,
  soak,
  scaling,
  users,
  rows,
  tls,
  coldStart,
];
