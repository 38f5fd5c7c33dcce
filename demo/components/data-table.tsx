import type { ComponentChildren } from "preact";

/** A table of figures: the first column names the row, the others are numbers unless `numeric` says otherwise. */
export function DataTable(props: {
  caption?: ComponentChildren;
  head?: readonly ComponentChildren[];
  rows: readonly (readonly ComponentChildren[])[];
  /** The last row is a sum. */
  total?: boolean;
  /** Columns, from 0, that are set to the right. */
  numeric?: readonly number[];
}) {
  const { caption, head, rows, total = false, numeric } = props;
  const isNumeric = (column: number) => (numeric ? numeric.includes(column) : column > 0);
  return (
    <div
      class="scroll-x"
      tabIndex={0}
      role="group"
      aria-label={typeof caption === "string" ? caption : "Table"}
    >
      <table class="figures">
        {caption !== undefined && <caption>{caption}</caption>}
        {head && (
          <thead>
            <tr>
              {head.map((cell, column) =>
                cell === "" ? (
                  <td key={column} /> // above the rows' own names: a header without a text is none
                ) : (
                  <th key={column} scope="col" class={isNumeric(column) ? "number" : undefined}>
                    {cell}
                  </th>
                ),
              )}
            </tr>
          </thead>
        )}
        <tbody>
          {rows.map((cells, row) => (
            <tr key={row} class={total && row === rows.length - 1 ? "total" : undefined}>
              {cells.map((cell, column) =>
                column === 0 ? (
                  <th key={column} scope="row">
                    {cell}
                  </th>
                ) : (
                  <td key={column} class={isNumeric(column) ? "number" : undefined}>
                    {cell}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
