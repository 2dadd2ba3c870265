/** Everything that is fuzzed. */
import { journalTarget } from './journal-target.ts';
import { scanTarget } from './scan-target.ts';
import { tapTarget } from './tap-target.ts';
import { TAP_TARGETS } from './tap-targets.ts';
import type { Target } from './target.ts';

export const TARGETS: readonly Target[] = [scanTarget, tapTarget, ...TAP_TARGETS, journalTarget];
