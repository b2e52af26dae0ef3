/** Octets held against tshark, which counts the packets of the same captures without knowing of our pairing. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { Ledger } from "../core/ledger.ts";
import { Pipeline } from "../monitor/pipeline.ts";
import { readCaptures } from "../source/file/read-captures.ts";
import { bytesBy } from "./bytes.ts";
import { Overview } from "./overview.ts";

const corpus = fileURLToPath(new URL("../../../shared/corpus/", import.meta.url));

function hasTshark(): boolean {
  try {
    execFileSync("tshark", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const missing = [existsSync(corpus) ? "" : "the captures", hasTshark() ? "" : "tshark"].filter((name) => name !== "");

/** IP octets of packets with data, towards the server's port and from it, retransmissions left out. */
function tsharkBytes(path: string, serverPort: string): { in: number; out: number } {
  const fields = ["tcp.dstport", "ip.len", "ipv6.plen", "tcp.len", "tcp.analysis.retransmission"];
  const text = execFileSync("tshark", ["-r", path, "-T", "fields", ...fields.flatMap((name) => ["-e", name]), "tcp"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const sums = { in: 0, out: 0 };
  for (const line of text.split("\n")) {
    const [to, ipv4, ipv6, data, again] = line.split("\t");
    if (!Number(data) || again) continue;
    sums[to === serverPort ? "in" : "out"] += ipv4 ? Number(ipv4) : Number(ipv6) + 40;
  }
  return sums;
}

describe.skipIf(missing.length > 0)(
  `bytes are what tshark counts${missing.map((name) => ` (skipped: no ${name})`)}`,
  () => {
    test.each([
      ["arkime__http-100-continue.pcap", "80"],
      ["pcpp__four_ipv6_http_streams.pcap", "80"],
      ["sv__http-range-multiflows.pcap", "8000"],
      ["zeek__http__pipelined-requests.pcap", "80"],
      ["tcpflow__tests__test4.pcap", "80"],
    ])("%s", async (name, serverPort) => {
      const ledger = new Ledger();
      const pipeline = new Pipeline({ ledger, redactor: null });
      const bytes = bytesBy({ by: "query:s" });
      const overview = new Overview();
      const [byKey, whole] = [bytes.create(), overview.create()];
      pipeline.onEvent((event) => {
        if (event.type === "alert") return;
        bytes.observe(byKey, event);
        overview.observe(whole, event);
      });
      await readCaptures([corpus + name], pipeline, { ledger });
      pipeline.end();
      const truth = tsharkBytes(corpus + name, serverPort);
      expect(truth.in).toBeGreaterThan(0);
      expect(bytes.report(byKey).total).toMatchObject({ bytes_in: truth.in, bytes_out: truth.out });
      expect(overview.report(whole).totals).toMatchObject({ bytes_in: truth.in, bytes_out: truth.out });
    });
  },
);
