/** Which tier runs, and what is said when a better one does not. */
import { join } from "node:path";
import { expect, test } from "vitest";
import * as lab from "../../test/support/process-lab.ts";
import { Ledger } from "../core/ledger.ts";
import { createAttribution, probeAttribution } from "./attribution.ts";

test("every tier is tried and says either that it works or why not", () => {
  const facts = probeAttribution();
  expect(facts.map(({ tier }) => tier)).toEqual(["A", "B", "C", "D"]);
  for (const { works, why, what } of facts) {
    expect(works).toBe(why === null);
    expect(what).not.toBe("");
  }
  expect(facts[3].works).toBe(true);
});

test("auto takes the first tier that works, and tells in one line why not a better one", () => {
  const notices: string[] = [];
  const attribution = createAttribution({ mode: "auto", ledger: new Ledger(), onNotice: (line) => notices.push(line) });
  attribution.close();
  attribution.close();
  const best = probeAttribution().find(({ works }) => works)!.tier;
  expect(attribution.tier).toBe(best);
  expect(notices.length).toBe(best === "A" ? 0 : 1);
});

test("none asks nobody; proc needs no rights", () => {
  const none = createAttribution({ mode: "none", ledger: new Ledger() });
  const flow = lab.flowOf({ ip: "127.0.0.1", port: 1 }, { ip: "127.0.0.1", port: 2 }, lab.now());
  none.flowOpened(flow);
  none.flowUsed(flow);
  expect([none.tier, flow.clientProcess, flow.owners, none.kernelTimes(flow, 0, 1, 2)]).toEqual([
    "none",
    null,
    null,
    null,
  ]);
  const proc = createAttribution({ mode: "proc", ledger: new Ledger() });
  expect([proc.tier, proc.why]).toEqual(["D", []]);
  proc.close();
});

const reason = !lab.isRoot
  ? "needs root"
  : process.features.typescript
    ? lab.installed("setpriv")
      ? ""
      : "needs setpriv"
    : "needs a Node that runs TypeScript";

test.skipIf(reason !== "")(
  `without rights tier D takes over with one line, ebpf is refused${reason && ` (SKIPPED: ${reason})`}`,
  () => {
    const code = `
    import { createAttribution } from ${JSON.stringify(join(import.meta.dirname, "attribution.ts"))};
    import { Ledger } from ${JSON.stringify(join(import.meta.dirname, "../core/ledger.ts"))};
    const notices = [];
    const { tier } = createAttribution({ mode: "auto", ledger: new Ledger(), onNotice: (line) => notices.push(line) });
    let refused;
    try { createAttribution({ mode: "ebpf", ledger: new Ledger() }); } catch ({ exitCode, message }) { refused = { exitCode, message }; }
    console.log(JSON.stringify({ tier, notices, refused }));`;
    const nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    const printed = lab.command(...nobody, process.execPath, "--input-type=module", "-e", code);
    expect(JSON.parse(printed)).toEqual({
      tier: "D",
      notices: [
        expect.stringMatching(/^processes: tier D, .*; not A, B: not permitted: needs root, or CAP_BPF.*; not C: /),
      ],
      refused: { exitCode: 3, message: expect.stringContaining("not permitted") },
    });
  },
);
