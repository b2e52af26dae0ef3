/** Keys and octets held against tshark, which reads the same captures without knowing of us. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { EarshotEvent } from "../core/event.ts";
import { Ledger } from "../core/ledger.ts";
import { Pipeline } from "../monitor/pipeline.ts";
import { readCaptures } from "../source/file/read-captures.ts";
import { bytesBy } from "./bytes.ts";
import { dimension } from "./dimension.ts";
import { Overview } from "./overview.ts";
import { ranking } from "./ranking.ts";

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

async function replay(name: string, onEvent: (event: EarshotEvent) => void): Promise<void> {
  const ledger = new Ledger();
  const pipeline = new Pipeline({ ledger, redactor: null });
  pipeline.onEvent(onEvent);
  await readCaptures([corpus + name], pipeline, { ledger });
  pipeline.end();
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

interface Oracle {
  readonly file: string;
  readonly trust: string;
  readonly summary: Readonly<Record<string, number>>;
  readonly http1: {
    readonly requests: readonly { method: string; host?: string; uri: string; user_agent?: string }[];
    readonly responses: readonly { status: number }[];
  };
}

/** Why a capture's keys differ by right: tshark shows what it decrypted, or writes a target otherwise. */
const OTHERWISE = /connect|tls|http-evader-468|options-method|longstring|empty-useragent|ethernet-eve__test/;

function oracles(): Oracle[] {
  if (!existsSync(corpus)) return [];
  return readdirSync(`${corpus}oracle`)
    .map((name) => JSON.parse(readFileSync(`${corpus}oracle/${name}`, "utf8")) as Oracle)
    .filter(({ trust, summary, file }) => trust === "high" && summary.http1_pairs > 0 && !OTHERWISE.test(file))
    .filter(({ summary }) => summary.http2_request_streams === 0 && summary.websocket_frames === 0);
}

function tallied(keys: Iterable<string | undefined>): [string, number][] {
  const counts = new Map<string, number>();
  for (const key of keys) if (key) counts.set(key, (counts.get(key) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}

const noCorpus = existsSync(corpus) ? "" : " (SKIPPED: needs the capture corpus)";

test.skipIf(noCorpus !== "")(`rankings count what tshark lists${noCorpus}`, async () => {
  const names = ["method", "host", "path", "user-agent", "status"];
  const all = oracles();
  expect(all.length).toBeGreaterThan(100);
  for (const { file, http1 } of all) {
    const rankings = names.map((name) => ranking({ dimension: dimension(name), limit: 10_000 }));
    const states = rankings.map((statistic) => statistic.create());
    await replay(file, (event) => {
      if (event.type === "alert") return;
      rankings.forEach((statistic, index) => {
        statistic.observe(states[index], event);
      });
    });
    const ours = rankings.map((statistic, index) =>
      statistic
        .report(states[index])
        .rows.map((row): [string, number] => [row.keys[0], names[index] === "status" ? row.responses : row.requests])
        .filter(([key, count]) => key !== "" && count > 0)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
    const { requests, responses } = http1;
    const final = responses.filter(({ status }) => status >= 200 || status === 101);
    expect(ours, file).toEqual([
      tallied(requests.map(({ method }) => method)),
      tallied(requests.map(({ host }) => host?.toLowerCase())),
      tallied(requests.filter(({ uri }) => uri.startsWith("/")).map(({ uri }) => uri.split("?")[0])),
      tallied(requests.map(({ user_agent }) => user_agent)),
      tallied(final.map(({ status }) => String(status))),
    ]);
  }
});
