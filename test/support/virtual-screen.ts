/**
 * A terminal in memory, just large enough to understand what the dashboard sends: cursor placement, SGR, erasing,
 * private modes. Anything else is noted as foreign, so that tests can say that nothing else was sent.
 */
import { eachCell } from "../../src/dashboard/terminal/width.ts";

export class VirtualScreen {
  readonly columns: number;
  readonly rows: number;
  cells: string[];
  /** SGR parameters each cell was drawn with. */
  looks: string[];
  readonly modes = new Set<string>();
  /** Control characters and sequences that the dashboard has no business to send. */
  readonly foreign: string[] = [];
  private x = 0;
  private y = 0;
  private look = "0";

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
    this.cells = new Array(columns * rows).fill(" ");
    this.looks = new Array(columns * rows).fill("0");
  }

  write(text: string): void {
    let rest = text;
    while (rest !== "") {
      const sequence = /^\x1b\[(\??)([\d;]*)([A-Za-z])/.exec(rest);
      if (sequence !== null) {
        this.control(sequence[1], sequence[2], sequence[3], sequence[0]);
        rest = rest.slice(sequence[0].length);
        continue;
      }
      const run = /^[^\x1b]+/.exec(rest)?.[0] ?? rest[0];
      this.print(run);
      rest = rest.slice(run.length);
    }
  }

  line(row: number): string {
    return this.cells.slice(row * this.columns, (row + 1) * this.columns).join("");
  }

  get text(): string {
    return `${Array.from({ length: this.rows }, (_, row) => this.line(row).trimEnd()).join("\n")}\n`;
  }

  private control(mark: string, parameters: string, final: string, whole: string): void {
    if (mark === "?" && (final === "h" || final === "l")) {
      if (final === "h") this.modes.add(parameters);
      else this.modes.delete(parameters);
    } else if (mark !== "") this.foreign.push(whole);
    else if (final === "H") {
      const [row, column] = parameters.split(";").map((value) => Number(value || 1));
      this.y = row - 1;
      this.x = (column ?? 1) - 1;
    } else if (final === "m") this.look = parameters === "" ? "0" : parameters;
    else if (final === "D") this.x -= Number(parameters || 1);
    else if (final === "J" && parameters === "2") {
      this.cells.fill(" ");
      this.looks.fill("0");
    } else this.foreign.push(whole);
  }

  private print(text: string): void {
    for (const character of text) {
      const code = character.codePointAt(0)!;
      if (code < 0x20 || (code >= 0x7f && code < 0xa0)) this.foreign.push(character);
    }
    eachCell(text, (cell, width) => {
      if (this.x + width > this.columns || this.y >= this.rows) {
        this.foreign.push(`outside:${cell}`);
        return true;
      }
      this.place(cell, width);
      return true;
    });
  }

  private place(cell: string, width: 1 | 2): void {
    const at = this.y * this.columns + this.x;
    // half of a wide character that is written over disappears whole
    if (this.cells[at] === "" && this.x > 0) this.cells[at - 1] = " ";
    if (this.x + width < this.columns && this.cells[at + width] === "") this.cells[at + width] = " ";
    this.cells[at] = cell;
    this.looks[at] = this.look;
    if (width === 2) {
      this.cells[at + 1] = "";
      this.looks[at + 1] = this.look;
    }
    this.x += width;
  }
}
