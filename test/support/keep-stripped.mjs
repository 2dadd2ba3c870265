/**
 * Preloaded into every process and thread of a test run (`NODE_OPTIONS=--import=…`, by the bootstrap): what type stripping makes of a source is
 * kept in the run's cache folder, so that it is stripped once and not by each of some thousand threads. The code that runs is the same to
 * the byte. Plain JavaScript, and nothing where Node has no such hooks.
 */
import * as crypto from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import * as module from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { threadId } from 'node:worker_threads';

const cache = process.env.NODE_COMPILE_CACHE;
const folder = cache && join(cache, 'stripped');

function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context);
  const source = readFileSync(fileURLToPath(url), 'utf8');
  return { format: 'module', source: strippedOf(source), shortCircuit: true };
}

/** Named after its source, so it is never out of date. */
function strippedOf(source) {
  const path = join(folder, crypto.hash('sha256', source));
  try {
    return readFileSync(path, 'utf8');
  } catch {
    const stripped = module.stripTypeScriptTypes(source);
    keep(path, stripped);
    return stripped;
  }
}

/** Whole or not at all. A folder that is gone or full costs time only. */
function keep(path, stripped) {
  const part = `${path}.${process.pid}.${threadId}`;
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(part, stripped);
    renameSync(part, path);
  } catch {
    // Stripped again next time.
  }
}

if (folder && module.registerHooks && module.stripTypeScriptTypes) module.registerHooks({ load });
