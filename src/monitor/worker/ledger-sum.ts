/**
 * One ledger for all workers. Each tells its whole ledger now and then; what it has grown by is added, so that the sum
 * is right at any time, and what the main thread counts itself stays in it (law 3: ledgers add up).
 */
import { Ledger } from "../../core/ledger.ts";
import type { PlainLedger } from "./messages.ts";

export class LedgerSum {
  private readonly into: Ledger;
  private readonly last: PlainLedger[] = [];

  constructor(into: Ledger) {
    this.into = into;
  }

  /** `now` is all that the worker has counted since its start. */
  take(worker: number, now: PlainLedger): void {
    this.into.merge(Ledger.from(growth(this.last[worker] ?? {}, now)));
    this.last[worker] = now;
  }
}

function growth(before: PlainLedger, now: PlainLedger): PlainLedger {
  return Object.fromEntries(
    Object.entries(now).map(([key, value]) => {
      // names of plug-ins and codes are keys here: `constructor` is one like any other
      const old = Object.hasOwn(before, key) ? before[key] : undefined;
      if (typeof value === "number") return [key, value - ((old as number | undefined) ?? 0)];
      return [key, growth((old as Record<string, number> | undefined) ?? {}, value) as Record<string, number>];
    }),
  );
}
