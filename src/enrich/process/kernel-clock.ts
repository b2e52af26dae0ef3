/** Turns the kernel's monotonic nanoseconds (BPF) into capture time: microseconds since the epoch. */
import type { Micros } from "../../core/units.ts";
import type { SystemCalls } from "./system-calls.ts";

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
const RECHECK_MS = 1_000;

export class KernelClock {
  private readonly calls: SystemCalls;
  private readonly time = Buffer.alloc(16);
  private offset: Micros = 0;
  private checkedAt = Number.NEGATIVE_INFINITY;

  constructor(calls: SystemCalls) {
    this.calls = calls;
    this.refresh();
  }

  toRealTime(nanoseconds: number): Micros {
    return Math.floor(nanoseconds / 1000 + this.offset);
  }

  /** Reads both clocks again now and then: the wall clock gets corrected. */
  refresh(): void {
    if (performance.now() - this.checkedAt < RECHECK_MS) return;
    let narrowest = Number.POSITIVE_INFINITY;
    for (let attempt = 0; attempt < 3; attempt++) {
      const before = this.read(CLOCK_MONOTONIC);
      const real = this.read(CLOCK_REALTIME);
      const after = this.read(CLOCK_MONOTONIC);
      if (after - before < narrowest) {
        narrowest = after - before;
        this.offset = real - (before + after) / 2;
      }
    }
    this.checkedAt = performance.now();
  }

  private read(clock: number): Micros {
    this.calls.clockGetTime(clock, this.time);
    return Number(this.time.readBigInt64LE(0)) * 1_000_000 + Number(this.time.readBigInt64LE(8)) / 1000;
  }
}
