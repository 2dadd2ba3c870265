/** Every scenario, in the order in which they run. */
import { hotUserScenario } from './hot-user.ts';
import { latency } from './latency.ts';
import type { Scenario } from './scenario.ts';
import { streams } from './streams.ts';
import { traffic } from './traffic.ts';

export const SCENARIOS: readonly Scenario[] = [traffic, latency, streams, hotUserScenario];
