/**
 * What the capture lost, by second, from the completeness ledger: whether a window's numbers can be trusted. Takes
 * counter deltas; gives the quality part of an alert record. Pure, bounded.
 */
import { type Micros, SECOND } from "../core/units.ts";
import { type RingSnapshot, SecondRing } from "./ring.ts";

/** What happened since the last delta. */
export interface LossDelta {
  /** Packets that arrived. */
  readonly packets: number;
  /** Packets that the kernel dropped. */
  readonly dropped: number;
  readonly bytes: number;
  /** Octets missing in flows. */
  readonly gapBytes: number;
}

export interface WindowQuality {
  readonly dropped: number;
  readonly gapBytes: number;
  readonly unmatched: number;
  readonly suspect: boolean;
  /** Share of packets lost, or of bytes missing, whichever is more. */
  readonly lossShare: number;
}

const COUNTERS = ["packets", "dropped", "bytes", "gapBytes", "unmatched"] as const;
type Counter = (typeof COUNTERS)[number];
export type LossSnapshot = Readonly<Record<Counter, RingSnapshot>>;

export class LossWindow {
  readonly #limit: number;
  readonly #rings: Readonly<Record<Counter, SecondRing>>;

  /** `limit`: share above which a window is suspect. */
  constructor(limit: number, seconds: number) {
    this.#limit = limit;
    const ring = () => new SecondRing(seconds);
    this.#rings = { packets: ring(), dropped: ring(), bytes: ring(), gapBytes: ring(), unmatched: ring() };
  }

  observe(delta: LossDelta, time: Micros): void {
    const second = Math.floor(time / SECOND);
    for (const counter of ["packets", "dropped", "bytes", "gapBytes"] as const)
      if (delta[counter] > 0) this.#rings[counter].add(second, delta[counter]);
  }

  unmatched(second: number): void {
    this.#rings.unmatched.add(second, 1);
  }

  /** Over the seconds `[from, to)`. */
  quality(from: number, to: number): WindowQuality {
    const sum = (counter: Counter) => this.#rings[counter].sum(from, to);
    const dropped = sum("dropped");
    const gapBytes = sum("gapBytes");
    const lossShare = Math.max(ratio(dropped, sum("packets") + dropped), ratio(gapBytes, sum("bytes") + gapBytes));
    return { dropped, gapBytes, unmatched: sum("unmatched"), suspect: lossShare > this.#limit, lossShare };
  }

  clear(): void {
    for (const counter of COUNTERS) this.#rings[counter].clear();
  }

  serialize(): LossSnapshot {
    return Object.fromEntries(COUNTERS.map((counter) => [counter, this.#rings[counter].serialize()])) as LossSnapshot;
  }

  restore(saved: LossSnapshot): void {
    for (const counter of COUNTERS) this.#rings[counter].restore(saved[counter]);
  }
}

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
