/**
 * What servers say they answered, what curl says it got, and what we saw on the wire between them: the same. Real
 * programs on the loopback of a network namespace, captured by tcpdump; each server is left out where it is not there.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TransactionEvent } from "../src/core/event.ts";
import { NetworkNamespace, whyNoNamespace } from "./support/network-namespace.ts";
import { loadCapture, type PipelineRun, runPackets } from "./support/pipeline-run.ts";
import { until } from "./support/process-lab.ts";
import { hasProgram, type LabServer, SERVERS, ServerLab } from "./support/server-lab.ts";

const NEEDED = ["nginx", "curl", "tcpdump", "ss"];
const lacking = NEEDED.filter((program) => !hasProgram(program));
const why = whyNoNamespace() ?? (lacking.length > 0 ? `needs ${lacking.join(", ")}` : null);
const here = why === null ? SERVERS.filter(({ program }) => hasProgram(program)) : [];

/** curl, telling what it thinks it got; `base` is where it goes, `proxy` how. */
function curls(name: string, base: string, proxy: string): string[] {
  const curl = `curl -s -m 30 -A lab-${name} -w '%{stderr}\\nrow %{http_code} %{size_download} %{size_upload}\\n' ${proxy}`;
  const many = Array.from({ length: 12 }, (_, i) => `${base}/hello.txt?n=${i}`).join(" ");
  return [
    `${curl} ${base}/hello.txt`,
    `${curl} -I ${base}/hello.txt`,
    `${curl} -r 0-99 ${base}/hello.txt`,
    `${curl} -r 0-9,20-29 ${base}/hello.txt`,
    `${curl} -r 99999- ${base}/hello.txt`,
    `${curl} --http1.0 ${base}/hello.txt`,
    `${curl} -H 'Connection: close' ${base}/hello.txt`,
    `${curl} -H 'Accept-Encoding: gzip' ${base}/hello.txt`,
    `${curl} --tr-encoding ${base}/hello.txt`,
    `${curl} -d a=b ${base}/post`,
    `${curl} -H 'Expect: 100-continue' -d a=b ${base}/post`,
    `head -c 300000 /dev/zero | ${curl} -T - ${base}/post/chunked`,
    `${curl} -X DELETE ${base}/hello.txt`,
    `${curl} ${base}/missing ${base}/hello.txt ${base}/empty ${base}/large.bin`,
    `${curl} -z tomorrow ${base}/hello.txt`,
    `${curl} -H Host: ${base}/hello.txt`,
    `${curl} -Z --parallel-max 4 ${many}`,
    `${curl} ${base}/none ${base}/ok ${base}/moved`,
    `${curl} --path-as-is '${base}/../a%20b/%ff?x=y&z'`,
  ];
}

/** What speaks to a server directly: other clients, and requests sent without waiting. */
function others(name: string, port: number): string[] {
  const base = `http://127.0.0.1:${port}`;
  const get = (method: string, path: string, last = "") => `${method} ${path} HTTP/1.1\\r\\nHost: a\\r\\n${last}\\r\\n`;
  const pipelined = [
    get("GET", "/hello.txt?1"),
    get("HEAD", "/hello.txt?2"),
    get("GET", "/empty?3", "Connection: close\\r\\n"),
  ];
  return [
    ...(hasProgram("wget") ? [`wget -q -O /dev/null ${base}/hello.txt ${base}/empty`] : []),
    // with Python's server ab waits for 30 seconds
    ...(hasProgram("ab") && name !== "Python" ? [`ab -q -n 30 -c 3 -k ${base}/hello.txt?ab > /dev/null`] : []),
    ...(hasProgram("socat")
      ? [`printf '${pipelined.join("")}' | timeout 9 socat -t 5 - TCP:127.0.0.1:${port} > /dev/null`]
      : []),
  ];
}

/** Large uploads: curl counts their chunk framing, or was stopped by the answer. */
function report(line: string): string {
  return line.replace(/\d{5,}$/, "many");
}

const keyOf = ({ request, response }: TransactionEvent) =>
  `${request?.method} ${request?.target} ${response?.status ?? "-"}`;

let run: PipelineRun;
const logs = new Map<string, string[]>();
const reports = new Map<string, string[]>();
const dir = why === null ? mkdtempSync(join(tmpdir(), "earshot-servers-")) : "";

async function drive(lab: ServerLab, { name, port, prepare }: LabServer): Promise<void> {
  lab.start(name, prepare(dir));
  if (!(await lab.listening(port))) throw new Error(`${name}: ${readFileSync(join(dir, `${name}.out`), "utf8")}`);
  const proxied = name === "Squid";
  const base = `http://127.0.0.1:${proxied ? SERVERS[0].port : port}`;
  const all = curls(name, base, proxied ? `--proxy http://127.0.0.1:${port}` : "");
  // it resets the connection in the middle of an upload: what curl sees of the answer is chance
  const commands = name === "Python" ? all.filter((command) => !command.includes("-T -")) : all;
  const told = await lab.run(`{ ${commands.join("; ")}; } 2>&1 > /dev/null`);
  reports.set(
    name,
    [...told.matchAll(/^row (.*)$/gm)].map(([, line]) => report(line)),
  );
  if (proxied) await lab.run(`curl -s -o /dev/null -p --proxy http://127.0.0.1:${port} ${base}/hello.txt?tunnel`);
  else await lab.run(others(name, port).join("; "));
}

beforeAll(async () => {
  if (why !== null) return;
  const namespace = new NetworkNamespace("servers");
  const lab = new ServerLab(namespace, dir);
  const pcap = join(dir, "lab.pcap");
  try {
    lab.start("tcpdump", [
      "tcpdump",
      "-i",
      "lo",
      "-U",
      "--immediate-mode",
      "-B",
      "65536",
      "-Z",
      "root",
      "-w",
      pcap,
      "tcp",
    ]);
    for (let i = 0; i < 100 && !existsSync(pcap); i++) await sleep(100);
    // the first one stands behind the proxies
    await drive(lab, here[0]);
    await Promise.all(here.slice(1).map((server) => drive(lab, server)));
    // what is last on the wire is last in the file: then it has everything
    await lab.run(`curl -s -o /dev/null http://127.0.0.1:${here[0].port}/hello.txt?last-of-all`);
    await until(() => readFileSync(pcap).includes("last-of-all"), 30_000);
    await sleep(1_000);
    for (const { name, log, logsInMemory } of here) if (logsInMemory) logs.set(name, log(dir));
  } finally {
    await lab.close();
    namespace.close();
  }
  for (const { name, log, logsInMemory } of here) if (!logsInMemory) logs.set(name, log(dir));
  run = runPackets(await loadCapture(pcap));
}, 240_000);

afterAll(() => {
  if (dir !== "") rmSync(dir, { recursive: true, force: true });
});

describe.skipIf(why !== null)(`rows and servers' logs (${why ?? "real programs"})`, () => {
  test("nothing was lost, nothing failed", () => {
    expect(run.errors).toEqual([]);
    expect(run.ledger.gaps).toBe(0);
    expect(run.events.filter(({ outcome }) => outcome === "gap")).toEqual([]);
  });

  describe.each(SERVERS)("$name", (server) => {
    const { name, port } = server;
    const absent = why === null && !here.includes(server) ? ` (SKIPPED: needs ${server.program})` : "";

    test.skipIf(absent !== "")(`its log${absent}`, () => {
      const rows = run.events.filter(({ flow }) => flow.server.port === port);
      const own = rows.filter(({ response }) => response !== null);
      // a row inside of CONNECT is for the server behind the proxy, and in its log
      const direct = own.filter(({ flow, id }) => name !== "Squid" || !insideTunnel(rows, flow.id, id));
      expect(direct.length).toBeGreaterThan(30);
      expect(direct.map(keyOf).sort()).toEqual(logs.get(name)!.sort());
    });

    test.skipIf(absent !== "")(`what curl got${absent}`, () => {
      const got = run.events
        .filter(({ flow, request }) => flow.server.port === port && request?.user_agent === `lab-${name}`)
        .map(({ request, response }) => `${response!.status} ${response!.body_bytes} ${request!.body_bytes}`)
        .map(report);
      expect(got.length).toBeGreaterThan(30);
      expect(got.sort()).toEqual(reports.get(name)!.sort());
    });
  });
});

function insideTunnel(rows: readonly TransactionEvent[], flow: number, id: string): boolean {
  return rows.some((row) => row.flow.id === flow && row.id !== id && row.http.upgrade === "connect");
}
