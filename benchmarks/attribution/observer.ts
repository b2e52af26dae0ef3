/** The attributing process of the benchmark: takes in what the kernel reports, as a monitor does before each batch. */
import { Ledger } from "../../src/core/ledger.ts";
import { createAttribution } from "../../src/enrich/attribution.ts";

const ledger = new Ledger();
const attribution = createAttribution({ mode: "ebpf", ledger });
const timer = setInterval(() => attribution.drain(), 10);
console.log("ready");
const start = process.cpuUsage();
process.on("SIGTERM", () => {
  clearInterval(timer);
  attribution.drain();
  const { user, system } = process.cpuUsage(start);
  attribution.close();
  console.log(`${(user + system) / 1e6} ${ledger.ownersLost}`);
});
