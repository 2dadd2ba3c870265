/** Every scenario, in the order in which they run. */
import { database } from './database.ts';
import { hotUserScenario } from './hot-user.ts';
import { latency } from './latency.ts';
import { rows } from './rows.ts';
import type { Scenario } from './scenario.ts';
import { soak } from './soak.ts';
import { streams } from './streams.ts';
import { traffic } from './traffic.ts';

export const SCENARIOS: readonly Scenario[] = [traffic, latency, streams, hotUserScenario, database, rows, soak];
