/** A folder for one test, removed with all that is in it when the test is over. */
import { chmodSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** Mode 0755 by default: PostgreSQL runs as its own user when the tests run as root, and has to pass through. */
export function tempFolder(t: TestContext, mode = 0o755): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'penstock-test-'));
  chmodSync(folder, mode);
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}
