/**
 * Writes `config/default.yaml` and `config/REFERENCE.md` from the schema. Run it after a change of the schema:
 * `node_modules/.bin/node src/config/write-reference.ts`.
 */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DEFAULT_FILE } from './load.ts';
import { renderDefaultFile, renderReference } from './reference.ts';

writeFileSync(DEFAULT_FILE, renderDefaultFile());
writeFileSync(join(dirname(DEFAULT_FILE), 'REFERENCE.md'), renderReference());
