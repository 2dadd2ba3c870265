/** The kept inputs of a target: small files named by what is in them. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, 'corpus');

export function readCorpus(name: string): Buffer[] {
  const folder = join(FOLDER, name);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((file) => readFileSync(join(folder, file)));
}

/** The path of the file. */
export function keepInput(name: string, bytes: Buffer): string {
  const folder = join(FOLDER, name);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}.bin`);
  writeFileSync(path, bytes);
  return path;
}

export function replaceCorpus(name: string, inputs: readonly Buffer[]): void {
  rmSync(join(FOLDER, name), { recursive: true, force: true });
  for (const bytes of inputs) keepInput(name, bytes);
}
