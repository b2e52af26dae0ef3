/** Turns the running totals of completeness ledgers into what a LossWindow takes: what happened since the last look. */
import type { Ledger } from "../core/ledger.ts";
import type { LossDelta } from "./loss.ts";

type Totals = Pick<Ledger, "packets" | "kernelDropped" | "bytes" | "gapBytes">;

export class LossDeltas {
  #last: LossDelta = { packets: 0, dropped: 0, bytes: 0, gapBytes: 0 };

  /** The change since the last call; a ledger that began anew counts from zero. */
  next({ packets, kernelDropped: dropped, bytes, gapBytes }: Totals): LossDelta {
    const now = { packets, dropped, bytes, gapBytes };
    const last = packets < this.#last.packets ? { packets: 0, dropped: 0, bytes: 0, gapBytes: 0 } : this.#last;
    this.#last = now;
    return {
      packets: now.packets - last.packets,
      dropped: Math.max(0, now.dropped - last.dropped),
      bytes: Math.max(0, now.bytes - last.bytes),
      gapBytes: Math.max(0, now.gapBytes - last.gapBytes),
    };
  }
}
