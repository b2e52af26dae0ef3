/** The first octets of one direction of a flow, kept until its protocol is known, within the budget of all flows. */
import type { Budget } from "../../core/budget.ts";
import { octetsDiffer } from "../../core/overlap.ts";

/** What came in one direction and was not given to a parser yet. */
export class Opening {
  bytes = new Uint8Array(0);
  length = 0;
  seen = 0;
  /** Octets at the last look for a protocol. */
  looked = 0;
  /** Protocols are out of question; only a search can find one. */
  foreign = false;
  /** Octets lost before a protocol was found: its parser has to know, they may have held whole messages. */
  missed = 0;
  time = 0.5;
  sequence = 0;
  acknowledgment = 0;
  acknowledges = true;
  ipLength = 0;
  private readonly budget: Budget;

  constructor(budget: Budget) {
    this.budget = budget;
  }

  /** False, and everything forgotten, when there is no memory for them. */
  append(from: Uint8Array, start: number, end: number): boolean {
    const need = this.length + end - start;
    this.seen += end - start;
    if (this.bytes.length < need) {
      const size = Math.max(need, this.bytes.length * 2);
      if (!this.budget.take(size - this.bytes.length)) {
        this.release();
        return false;
      }
      const larger = new Uint8Array(size);
      larger.set(this.bytes.subarray(0, this.length));
      this.bytes = larger;
    }
    this.bytes.set(from.subarray(start, end), this.length);
    this.length = need;
    return true;
  }

  /** Are these octets, the first with this sequence number, others than those kept at their place? */
  differs(bytes: Uint8Array, start: number, end: number, sequence: number): boolean {
    return octetsDiffer(this.bytes, this.length, this.sequence, bytes, start, end, sequence);
  }

  /** Gives the memory back. */
  release(): void {
    this.budget.give(this.bytes.length);
    this.bytes = new Uint8Array(0);
    this.length = 0;
  }
}
