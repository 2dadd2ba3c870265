/** Every scenario, in the order in which they run. */
import { database } from './database.ts';
import { rows } from './rows.ts';
import type { Scenario } from './scenario.ts';
import { soak } from './soak.ts';
import { traffic } from './traffic.ts';

export const SCENARIOS: readonly Scenario[] = [traffic, database, rows, soak];
