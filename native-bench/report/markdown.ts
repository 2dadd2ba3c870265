/** Pieces of Markdown: tables and text that may hold anything. Pure. */

/** Text that shows as it is, in a table too: nothing of it is taken for markup, and a line stays a line. */
export function escapeMarkdown(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll(/[|`*_[\]~]/g, '\\$&')
    .replaceAll(/\s*[\r\n]+\s*/g, ' ');
}

export type Align = 'left' | 'right';

export interface Column {
  head: string;
  align?: Align;
}

/** Cells are Markdown; escape what is not. Empty without rows. */
export function markdownTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = columns.map(({ align }) => (align === 'right' ? '--:' : '---'));
  return [line(columns.map(({ head }) => head)), line(rule), ...rows.map(line)].join('\n');
}

/** Blocks one after the other with an empty line between; empty ones are left out. */
export function blocks(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('\n\n');
}
