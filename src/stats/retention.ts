/** Lets statistics forget what is too old (`max_retention_length`), as event time goes on. */
import type { Micros } from "../core/units.ts";

/** Looked at so often in one length: what is too old stays at most this share longer. */
const LOOKS = 24;

export class Retention {
  private readonly length: Micros;
  private readonly retire: (before: Micros) => void;
  private next: Micros = Number.NEGATIVE_INFINITY;
  private newest: Micros = Number.NEGATIVE_INFINITY;

  /** `retire` lets go of what was last seen before a time. */
  constructor(length: Micros, retire: (before: Micros) => void) {
    this.length = length;
    this.retire = retire;
  }

  /** An event of this time was counted. */
  reached(time: Micros): void {
    if (time > this.newest) this.newest = time;
    if (this.newest >= this.next) this.now();
  }

  /** Before a report: nothing too old is in it. `time` is the present where it is later than the newest event. */
  now(time: Micros = this.newest): void {
    const present = Math.max(time, this.newest);
    if (present === Number.NEGATIVE_INFINITY) return;
    this.next = present + this.length / LOOKS;
    this.retire(present - this.length);
  }
}
