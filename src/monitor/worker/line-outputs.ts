/**
 * `-o json` behind workers: their lines are written as they come, in whole batches, so that two workers never share a
 * line. Takes batches; nothing is read of them unless filters are put in front while the program runs.
 */

import { type OpenOptions, openDestination } from "../../sink/output/open.ts";
import type { OutputSpec } from "../../sink/output/spec.ts";
import { StreamDestination } from "../../sink/output/stream-destination.ts";
import type { EventTest } from "../session.ts";
import { linesOf } from "./lines.ts";

/** Outputs that can take lines as they are. */
export function takesLines({ format, destination }: OutputSpec): boolean {
  return format === "json" && (destination.kind === "stdout" || destination.kind === "file");
}

export class LineOutputs {
  private readonly streams: readonly StreamDestination[];
  private filters: readonly EventTest[];

  /** Of outputs that `takesLines`. Throws Trouble when a file does not open. */
  constructor(outputs: readonly OutputSpec[], filters: readonly EventTest[], options: OpenOptions) {
    this.streams = outputs
      .map((output) => openDestination(output, options))
      .filter((destination) => destination instanceof StreamDestination);
    this.filters = filters;
  }

  get any(): boolean {
    return this.streams.length > 0;
  }

  refilter(filters: readonly EventTest[]): void {
    this.filters = filters;
  }

  /** `count` whole lines; the octets are the receiver's. */
  take(bytes: Uint8Array, count: number): void {
    if (!this.any) return;
    const passing = this.filters.length === 0 ? { bytes, count } : this.passing(bytes);
    if (passing.count === 0) return;
    for (const stream of this.streams) stream.bytes(passing.bytes, passing.count);
  }

  private passing(bytes: Uint8Array): { readonly bytes: Uint8Array; readonly count: number } {
    const kept: Uint8Array[] = [];
    for (const line of linesOf(bytes)) {
      if (this.filters.every((filter) => filter(line.event))) kept.push(line.bytes);
    }
    return { bytes: Buffer.concat(kept), count: kept.length };
  }

  reopen(): void {
    for (const stream of this.streams) stream.reopen();
  }

  async close(): Promise<void> {
    await Promise.all(this.streams.map((stream) => stream.close()));
  }
}
