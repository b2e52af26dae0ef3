import fc from "fast-check";
import { expect, test } from "vitest";
import { Ledger } from "../../core/ledger.ts";
import { LedgerSum } from "./ledger-sum.ts";

type Step = { readonly worker: number; readonly packets: number; readonly code: string; readonly tell: boolean };

const step: fc.Arbitrary<Step> = fc.record({
  worker: fc.nat(2),
  packets: fc.nat(1000),
  code: fc.constantFrom("a", "b", "__proto__", "constructor"),
  tell: fc.boolean(),
});

test("law: whenever workers tell, the sum of all is what one ledger for all would be", () => {
  fc.assert(
    fc.property(fc.array(step), fc.nat(9), (steps, own) => {
      const main = new Ledger();
      const sum = new LedgerSum(main);
      const workers = [new Ledger(), new Ledger(), new Ledger()];
      main.sinkDrop("json", own);
      for (const { worker, packets, code, tell } of steps) {
        workers[worker].packets += packets;
        workers[worker].anomaly(code);
        workers[worker].sinkDrop("json");
        if (tell) sum.take(worker, workers[worker].toJSON());
      }
      workers.forEach((ledger, index) => void sum.take(index, ledger.toJSON()));
      const whole = new Ledger();
      whole.sinkDrop("json", own);
      for (const ledger of workers) whole.merge(ledger);
      expect(main).toEqual(whole);
    }),
  );
});

test("telling the same again adds nothing", () => {
  const main = new Ledger();
  const sum = new LedgerSum(main);
  const worker = new Ledger();
  worker.kernelDropped = 3;
  worker.evict("flows", 2);
  sum.take(0, worker.toJSON());
  sum.take(0, structuredClone(worker.toJSON()));
  expect(main.kernelDropped).toBe(3);
  expect(main.evicted.get("flows")).toBe(2);
});
