/**
 * A process to be killed: a usage-writer that records without end on the journal folder and database it is given. Prints, a line
 * each, how many records its journal surely holds. The third argument, JSON, overrides keys of `usage`.
 */
import { writeSync } from 'node:fs';
import { makeRecord } from './usage-records.ts';
import { WriterHarness } from './writer-harness.ts';

const [databaseUrl, journalDir, overrides = '{}'] = process.argv.slice(2) as [string, string, string?];
const usage = { batchMs: 2, batchRows: 200, ...JSON.parse(overrides) };
const writer = await WriterHarness.start({ after: () => {} }, { databaseUrl, journalDir, usage });
let printed = 0;
for (;;) {
  for (let i = 0; i < 50; i++) await writer.record(makeRecord());
  const journaled = writer.counters.value('journalRecords');
  if (journaled > printed && tell(journaled)) printed = journaled;
  await new Promise((resolve) => setTimeout(resolve, 1));
}

/** False while the pipe is full: its reader takes its time. */
function tell(journaled: number): boolean {
  try {
    writeSync(1, `${journaled}\n`);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    return false;
  }
}
