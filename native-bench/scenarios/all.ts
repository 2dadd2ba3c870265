/** Every scenario, in the order in which they run. */
import { errorStorm } from './error-storm.ts';
import type { Scenario } from './scenario.ts';
import { tls } from './tls.ts';
import { traffic } from './traffic.ts';

export const SCENARIOS: readonly Scenario[] = [traffic, errorStorm, tls];
