/** One part of the benchmark: something that is promised, and how it is measured. */
export interface Part {
  /** By which it is asked for: `npm run bench -- NAME`. */
  readonly name: string;
  /** What is measured, in one line. */
  readonly about: string;
  /** Runs only when it is named: it takes too long, or too much room, for every run. */
  readonly onlyByName?: true;
  /** Measures; with `quick` only what a few seconds allow. */
  run(options: { readonly quick: boolean }): Promise<Measured>;
}

/** What a part found out. */
export interface Measured {
  readonly tables: readonly Table[];
  readonly promises: readonly Promised[];
  /** What `results.json` keeps of the part: counts and ratios, no times. Plain JSON. */
  readonly figures: unknown;
}

/** A figure that is held to a bound. */
export interface Promised {
  readonly what: string;
  readonly figure: number;
  readonly bound: string;
  readonly held: boolean;
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
