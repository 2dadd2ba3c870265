/** Takes results out of JSON; refuses what another version of the bench wrote. Pure. */
import { RESULTS_VERSION, type Results } from './results.ts';

export function readResults(json: string): Results {
  const results = JSON.parse(json) as Results;
  if (results.version !== RESULTS_VERSION || !Array.isArray(results.scenarios)) {
    throw new Error(`these are no results of version ${RESULTS_VERSION}`);
  }
  return results;
}
