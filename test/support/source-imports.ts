/**
 * Reads the imports of a source file, for the tidy test. A simple parser over the forms that this repository uses: `import … from`,
 * `export … from`, `import('…')` and `import.meta.resolve('…')`; comments are taken out first.
 */
import { readFileSync } from 'node:fs';

export interface SourceImport {
  readonly specifier: string;
  /** Erased before the program runs: `import type`, `export type`. */
  readonly typeOnly: boolean;
  /** `import('…')`: loaded only when that line is reached. */
  readonly dynamic: boolean;
}

const STATIC = /^[ \t]*(?:import|export)\s+(?:(type)\s)?(?:[^'";]*?\sfrom\s+)?'([^'\n]+)'/gm;
const DYNAMIC = /(typeof\s+)?\bimport\(\s*'([^'\n]+)'\s*\)(\.[A-Z]\w*)?/g;
const RESOLVED = /\bimport\.meta\.resolve\(\s*'([^'\n]+)'/g;

export function importsOf(path: string): SourceImport[] {
  return parseImports(readFileSync(path, 'utf8'));
}

export function parseImports(source: string): SourceImport[] {
  const text = withoutComments(source);
  const found: SourceImport[] = [];
  for (const [, type, specifier = ''] of text.matchAll(STATIC)) {
    found.push({ specifier, typeOnly: type !== undefined, dynamic: false });
  }
  for (const [, query, specifier = '', member] of text.matchAll(DYNAMIC)) {
    // `import('x').Name` with a capital is a type, like `typeof import('x')`.
    found.push({ specifier, typeOnly: query !== undefined || member !== undefined, dynamic: true });
  }
  for (const [, specifier = ''] of text.matchAll(RESOLVED)) found.push({ specifier, typeOnly: false, dynamic: true });
  return found;
}

/** Block comments and whole-line comments; a `//` after code may be part of a string and holds no imports. */
function withoutComments(source: string): string {
  return source.replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, '').replace(/^[ \t]*\/\/.*$/gm, '');
}
