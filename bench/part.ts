/** One part of the benchmark: something that is promised, and how it is measured. */
export interface Part {
  /** By which it is asked for: `npm run bench -- NAME`. */
  readonly name: string;
  /** What is measured, in one line. */
  readonly about: string;
  /** Measures; with `quick` only what a few seconds allow. Writes its own results where it keeps any. */
  run(options: { readonly quick: boolean }): Promise<readonly Table[]>;
}

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** A table as text: columns as wide as their longest cell, numbers to the right. */
export function formatTable({ title, columns, rows }: Table): string {
  const cells = [columns, ...rows].map((row) => row.map(show));
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const isNumber = columns.map((_, column) => rows.every((row) => typeof row[column] === 'number'));
  const lines = cells.map((row) =>
    row
      .map((cell, column) =>
        isNumber[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd(),
  );
  return [title, ...lines].join('\n');
}

function show(cell: string | number): string {
  return typeof cell === 'number' ? cell.toLocaleString('en') : cell;
}
