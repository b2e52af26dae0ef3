/**
 * Batches on their way to the main thread: a bounded number at a time, so that a main thread that is too slow costs
 * exchanges, which are counted, and not memory. Pure.
 */
import type { Ledger } from "../../core/ledger.ts";

/** Of a quarter of a megabyte each. */
const MAX_UNDERWAY = 64;

export class Outbox {
  private readonly ledger: Ledger;
  private readonly post: (bytes: Uint8Array<ArrayBuffer>, count: number) => void;
  private limit: number;
  private underway = 0;

  constructor(
    ledger: Ledger,
    post: (bytes: Uint8Array<ArrayBuffer>, count: number) => void,
    limit: number = MAX_UNDERWAY,
  ) {
    this.ledger = ledger;
    this.post = post;
    this.limit = limit;
  }

  /** Posts a copy of `count` lines in `bytes[0, length)`, or drops and counts them. */
  offer(bytes: Uint8Array, length: number, count: number): void {
    if (this.underway >= this.limit) {
      this.ledger.sinkDrop("main-thread", count);
      return;
    }
    this.underway++;
    this.post(new Uint8Array(bytes.subarray(0, length)), count);
  }

  /** The main thread has taken one. */
  taken(): void {
    this.underway--;
  }

  /** The capture is over: what is left is bounded by the tables it comes from. */
  ending(): void {
    this.limit = Number.POSITIVE_INFINITY;
  }
}
