/**
 * Aligned tables for people. Numbers are aligned to the right.
 */
export interface Column<Row> {
  title: string;
  cell(row: Row): string | number | null;
}

/** With a remark instead of an empty table. */
export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], none: string): string {
  if (rows.length === 0) return none;
  const cells = rows.map((row) => columns.map((column) => column.cell(row)));
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...cells.map((line) => text(line[index] ?? null).length)),
  );
  const line = (parts: readonly (string | number | null)[]) =>
    parts
      .map((part, index) =>
        typeof part === 'number' ? text(part).padStart(widths[index]!) : text(part).padEnd(widths[index]!),
      )
      .join('  ')
      .trimEnd();
  const titles = columns.map((column, index) =>
    typeof cells[0]![index] === 'number' ? column.title.padStart(widths[index]!) : column.title,
  );
  return [line(titles), ...cells.map(line)].join('\n');
}

function text(cell: string | number | null): string {
  return cell === null ? '-' : String(cell);
}
