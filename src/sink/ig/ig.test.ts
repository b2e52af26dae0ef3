import { describe, expect, test } from "vitest";
import { transaction } from "../../../test/support/event.ts";
import type { TlsEvent } from "../../core/event.ts";
import { Trouble } from "../../core/trouble.ts";
import { formatTime } from "../../core/units.ts";
import { IgFormat, type IgOptions } from "./format.ts";

const ig = (options: Partial<IgOptions> = {}) =>
  new IgFormat({ mode: "columns", captureRequest: true, captureResponse: true, minLatency_ms: 0, ...options });

const micros = (time: string) => Date.parse(`${time.slice(0, 19)}Z`) * 1000 + Number(time.slice(20, 26));

/** The exchange of the page's first row. Captures tell microseconds: the page's last three digits come as zeros. */
const CURL = transaction({
  time_us: micros("2024-01-15T10:23:45.123456789Z"),
  flow: { client: { ip: "192.168.1.10", port: 54321 }, server: { ip: "93.184.216.34", port: 80 } },
  request: { method: "GET", target: "/", path: "/", query: null, host: "example.com", user_agent: "curl/8.0" },
  response: { status: 200, fields: [["content-length", "1256"]] },
  latency_ms: { ttfb: 45.2, total: 60 },
  process: {
    client: {
      pid: 12345,
      tid: 12345,
      ppid: 1,
      comm: "curl",
      uid: 0,
      user: "root",
      gid: 0,
      group: "root",
      namespaces: { mnt: 4026531841 },
    },
  },
});

/** The connection of the page's second row, as it can be seen from outside: what is encrypted is not told. */
const WGET: TlsEvent = {
  ...{
    type: "tls",
    id: "2.1",
    version: "TLSv1.3",
    cipher: null,
    server_name: "example.com",
    alpn_offered: [],
    alpn: null,
  },
  ...{ ja3: null, ja3s: null, ja4: null, certificates: [], resumed: null, outcome: "established", alert: null },
  time: formatTime(micros("2024-01-15T10:23:46.234567890Z")),
  time_us: micros("2024-01-15T10:23:46.234567890Z"),
  flow: { ...CURL.flow, client: { ip: "192.168.1.10", port: 54322 }, server: { ip: "93.184.216.34", port: 443 } },
  handshake_ms: 120,
  duration_ms: 300,
  bytes: { in: 0, out: 0, in_retransmitted: 0, out_retransmitted: 0 },
  process: { client: { pid: 12346, comm: "wget", uid: 0 }, server: null },
  quality: { midstream: false, gap_bytes: 0, truncated: false },
  anomalies: [],
};

/** The table of the gadget's page. */
const PAGE = `
TIMESTAMP                           COMM         PID      SRC                  DST                  PROTO METHOD HOST                PATH              STATUS LATENCY
2024-01-15T10:23:45.123456789Z     curl         12345    192.168.1.10:54321  93.184.216.34:80    HTTP  GET    example.com         /               200    45
2024-01-15T10:23:46.234567890Z     wget         12346    192.168.1.10:54322  93.184.216.34:443   HTTPS GET    example.com         /index.html     200    120
`
  .trim()
  .split("\n")
  .map((line) => line.split(/ +/));

describe("the gadget's page", () => {
  test("its table, value for value", () => {
    const format = ig();
    expect(format.header().split(/ +/)).toEqual(PAGE[0]);
    expect(format.format(CURL)[0].split(/ +/)).toEqual(["2024-01-15T10:23:45.123456000Z", ...PAGE[1].slice(1)]);
  });

  test("its HTTPS row, without what nobody outside can know (the page shows GET, /index.html and 200)", () => {
    const [row] = ig().format(WGET);
    const expected = ["2024-01-15T10:23:46.234567000Z", ...PAGE[2].slice(1)].filter(
      (cell) => !["GET", "/index.html", "200"].includes(cell),
    );
    expect(row.split(/ +/)).toEqual([...expected.slice(0, -1), "0", "120"]);
  });

  test("columns stand under their titles; numbers of the contract on the right", () => {
    const format = ig();
    const header = format.header();
    const [row] = format.format(CURL);
    for (const [title, value] of [
      ["COMM", "curl"],
      ["PID", "12345"],
      ["SRC", "192."],
      ["DST", "93."],
      ["HOST", "example"],
      ["PATH", "/"],
    ]) {
      expect(row.slice(header.indexOf(title)).startsWith(value), title).toBe(true);
    }
    expect(row.indexOf("200") + 3).toBe(header.indexOf("STATUS") + 6);
    expect(row.endsWith("        45")).toBe(true);
    expect(row.length).toBe(header.length);
  });

  test("what is too long ends with an ellipsis, and nothing moves a terminal", () => {
    const [row] = ig({ fields: "host,status_code" }).format(
      transaction({ request: { host: `\u001b[2J${"h".repeat(50)}` } }),
    );
    expect(row).toBe(`\\x1b[2J${"h".repeat(24)}…    200`);
  });
});

test("addresses of IPv6 are not cut", () => {
  const ip = "2001:db8:1111:2222:3333:4444:5555:6666";
  expect(ig({ fields: "src,proto" }).format(transaction({ flow: { client: { ip, port: 65535 } } }))).toEqual([
    `[${ip}]:65535 HTTP`,
  ]);
});

const DECLARED = {
  content_length: 1256,
  dst: { addr: "93.184.216.34", port: 80, proto: 6, version: 4 },
  host: "example.com",
  k8s: {
    containerName: "",
    hostnetwork: false,
    namespace: "",
    node: "",
    owner: { kind: "", name: "" },
    podLabels: "",
    podName: "",
  },
  latency_ms: 45,
  method: "GET",
  mntns_id: 4026531841,
  path: "/",
  proc: {
    comm: "curl",
    creds: { gid: 0, group: "root", uid: 0, user: "root" },
    mntns_id: 4026531841,
    parent: { comm: "", pid: 1, tid: 0 },
    pid: 12345,
    tid: 12345,
  },
  proto: "HTTP",
  runtime: {
    ...{ containerId: "", containerImageDigest: "", containerImageName: "", containerName: "" },
    ...{ containerPid: 0, containerStartedAt: 0, runtimeName: "" },
  },
  src: { addr: "192.168.1.10", port: 54321, proto: 6, version: 4 },
  status_code: 200,
  timestamp: "2024-01-15T10:23:45.123456000Z",
};

describe("JSON and YAML", () => {
  test("the declared contract, key for key in alphabetical order, numbers of 64 bits exact", () => {
    const [json] = ig({ mode: "json" }).format(CURL);
    const tail = ',"timestamp_raw":1705314225123456000,"user_agent":"curl/8.0"}';
    expect(json).toBe(JSON.stringify(DECLARED).slice(0, -1) + tail);
  });

  test("indented, and YAML", () => {
    const [pretty] = ig({ mode: "jsonpretty" }).format(CURL);
    expect(pretty).toBe(
      JSON.stringify({ ...DECLARED, timestamp_raw: 0, user_agent: "curl/8.0" }, null, 2).replace(
        '_raw": 0',
        '_raw": 1705314225123456000',
      ),
    );
    const [yaml] = ig({ mode: "yaml" }).format(
      transaction({ request: { host: "yes", path: "/a b: #", method: "0x1" } }),
    );
    expect(yaml.split("\n").slice(0, 8)).toEqual([
      ...[
        "---",
        "content_length: 500",
        "dst:",
        '  addr: "10.0.0.1"',
        "  port: 80",
        "  proto: 6",
        "  version: 4",
        'host: "yes"',
      ],
    ]);
    expect(yaml).toContain('\npath: "/a b: #"\n');
    expect(yaml).toContain('\nmethod: "0x1"\n');
  });

  test("containers and pods", () => {
    const event = transaction({
      process: {
        client: {
          ...{ pid: 1, comm: "x", uid: 1 },
          container: { id: "c", runtime: "docker", name: "n", image: "i" },
          pod: { uid: "u", name: "p", namespace: "ns", labels: { a: "1", b: "2" } },
        },
      },
    });
    const row = JSON.parse(ig({ mode: "json" }).format(event)[0]);
    expect(row.runtime).toMatchObject({
      containerId: "c",
      containerImageName: "i",
      containerName: "n",
      runtimeName: "docker",
    });
    expect(row.k8s).toMatchObject({ namespace: "ns", podName: "p", podLabels: "a=1,b=2" });
  });
});

describe("parameters", () => {
  const slow = transaction({ latency_ms: { ttfb: 200 }, response: { status: 500 } });
  const unanswered = transaction({ response: null, latency_ms: { ttfb: null } });

  test("--fields", () => {
    expect(ig({ fields: "comm,status_code" }).format(CURL)).toEqual(["curl                200"]);
    const header = ig({ fields: "+user_agent,-timestamp,-path" }).header();
    expect(header.split(/ +/)).toEqual([...PAGE[0].slice(1).filter((title) => title !== "PATH"), "USER_AGENT"]);
    expect(() => ig({ fields: "hots" })).toThrow(/no field `hots` \(did you mean `host`/);
    expect(() => ig({ fields: "-nothing" })).toThrow(Trouble);
  });

  test("--capture-request, --capture-response, --min-latency", () => {
    const json = (options: Partial<IgOptions>, event = CURL) =>
      ig({ mode: "json", ...options })
        .format(event)
        .map((line) => JSON.parse(line));
    expect(json({ captureRequest: false })[0]).toMatchObject({
      method: "",
      host: "",
      path: "",
      status_code: 200,
      latency_ms: 45,
    });
    expect(json({ captureResponse: false })[0]).toMatchObject({ method: "GET", status_code: 0, latency_ms: 0 });
    expect(json({ captureResponse: false, captureRequest: false })).toEqual([]);
    expect(json({ minLatency_ms: 46 })).toEqual([]);
    expect(json({ minLatency_ms: 45 }).length).toBe(1);
    expect(json({ minLatency_ms: 1 }, unanswered)).toEqual([]);
    expect(json({}, unanswered)[0]).toMatchObject({ status_code: 0, latency_ms: 0 });
  });

  test.each([
    ["proc.comm==curl,status_code==200", true],
    ["comm=curl", true],
    ["status_code>=400", false],
    ["latency_ms<45", false],
    ["latency_ms<=45", true],
    ["host~^exam.*com$,path!~index", true],
    ["host!=example.com", false],
    ["src.port==54321,dst==93.184.216.34:80", true],
    ["k8s.hostnetwork==false", true],
    ["k8s.hostnetwork!=0", false],
    ["timestamp_raw==1705314225123456000", true],
    ["user_agent==a\\,b", false],
  ])("--filter %s", (filter, passes) => {
    expect(ig({ filter }).format(CURL).length).toBe(passes ? 1 : 0);
  });

  test.each([
    ["hots==x", /did you mean `host`/],
    ["host", /no test/],
    ["status_code==ok", /not a whole number/],
    ["status_code~4", /is for texts/],
    ["host~(", /no pattern/],
    ["k8s.hostnetwork>1", /is a flag/],
  ])("--filter %s is a mistake", (filter, message) => {
    expect(() => ig({ filter })).toThrow(Trouble);
    expect(() => ig({ filter })).toThrow(message);
  });

  test("--sort and --max-entries", () => {
    const sorted = ig({ fields: "status_code,latency_ms", sort: "-latency_ms,status_code" });
    for (const event of [CURL, slow, unanswered]) expect(sorted.format(event)).toEqual([]);
    expect(sorted.finish().map((line) => line.trim().split(/ +/).join(" "))).toEqual(["500 200", "200 45", "0 0"]);
    const first = ig({ maxEntries: 1 });
    expect([CURL, slow].map((event) => first.format(event).length)).toEqual([1, 0]);
    const top = ig({ fields: "latency_ms", sort: "-latency_ms", maxEntries: 2 });
    for (let index = 0; index < 5000; index++) top.format(transaction({ latency_ms: { ttfb: (index * 7919) % 5000 } }));
    expect(top.finish().map((line) => line.trim())).toEqual(["4999", "4998"]);
  });
});
