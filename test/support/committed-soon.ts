/** For stores whose limits are so short, as a test wants them, that a busy machine may miss them. */
import type { BatchToCommit, CommitResult, UsageStore } from '#usage/usage-store.ts';
import { waitFor } from './wait-for.ts';

/** The first result of the batch that is not `away`. */
export async function committedSoon(store: Pick<UsageStore, 'commit'>, batch: BatchToCommit): Promise<CommitResult> {
  return waitFor('an answer', async () => {
    const result = await store.commit(batch);
    return result.kind !== 'away' && result;
  });
}
