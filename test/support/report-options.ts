/** What a statistics command gets from its flags, and where it writes to in a test. */
import type { ReportOptions } from "../../src/cli/report-run.ts";

export const reportOptions: Omit<ReportOptions, "output"> = {
  captureRequest: true,
  captureResponse: true,
  minLatency: 0,
  maxBodySize: 0,
  color: false,
  summary: false,
  traceeFormat: "legacy",
  attribution: "none",
};

/** Keeps what is written. */
export class TextOut {
  readonly isTTY: boolean;
  readonly rows = 24;
  text = "";

  constructor(isTTY = false) {
    this.isTTY = isTTY;
  }

  write(text: string): void {
    this.text += text;
  }

  get lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }
}
