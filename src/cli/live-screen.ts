/**
 * A page of text drawn again and again in place on a terminal, on its second screen, so that what was there before is
 * there again afterwards. Lines come neutralised; what is too long for the terminal is cut by it.
 */

/** What is written to: standard output, or a test. */
export interface Out {
  readonly isTTY?: boolean;
  readonly rows?: number;
  write(text: string): unknown;
}

const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const END_OF_LINE = "\x1b[K";
const END_OF_SCREEN = "\x1b[J";
const ROWS = 24;

export class LiveScreen {
  private readonly out: Out;
  private open = false;
  private readonly onExit = () => this.close();

  constructor(out: Out) {
    this.out = out;
  }

  show(lines: readonly string[]): void {
    if (!this.open) {
      this.open = true;
      // a crash must not leave the terminal without cursor and line wrap
      process.once("exit", this.onExit);
      this.out.write(ENTER);
    }
    const room = Math.max(1, this.out.rows ?? ROWS);
    const shown =
      lines.length <= room ? lines : [...lines.slice(0, room - 1), `… ${lines.length - room + 1} more lines`];
    this.out.write(HOME + shown.map((line) => line + END_OF_LINE).join("\r\n") + END_OF_SCREEN);
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    process.off("exit", this.onExit);
    this.out.write(LEAVE);
  }
}
