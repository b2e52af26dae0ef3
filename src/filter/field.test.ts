/** Every scalar that `-o json` can print is a field of the filter language, under the same dotted name. */
import { expect, test } from "vitest";
import { transaction } from "../../test/support/event.ts";
import type { AlertEvent, EarshotEvent, TlsEvent } from "../core/event.ts";
import { fieldReference, findField } from "./field.ts";
import { ALIASES, FIELDS } from "./field-table.ts";

const info = {
  ...{ pid: 1, tid: 2, ppid: 3, comm: "nginx", exe: "/usr/sbin/nginx", args: ["nginx", "-g"], uid: 33, user: "www" },
  ...{
    gid: 33,
    group: "www",
    start_time: "2026-01-01T00:00:00Z",
    cgroup: "/x",
    namespaces: { pid: 1, mnt: 2, net: 3 },
  },
  container: { id: "abc", runtime: "docker", name: "web", image: "nginx:1" },
  pod: { uid: "u", name: "p", namespace: "n", labels: { app: "web" } },
};

const exchange = transaction({
  flow: { vlan: 1, encapsulation: "vlan:1" },
  http: { upgrade: "websocket" },
  process: { client: info, server: info },
  kernel_ms: { request_wait: 1, process: 2, response_wait: 3 },
  request: { content_type: "a/b", body: { text: "x", encoding: "utf-8", truncated: true } },
  response: { body: { text: "x", encoding: "base64", truncated: false } },
  labels: { country: "CH" },
});

const tls: TlsEvent = {
  ...{ type: "tls", time: exchange.time, time_us: exchange.time_us, id: "t1", flow: exchange.flow },
  ...{ version: "TLSv1.3", cipher: "c", server_name: "h", alpn_offered: ["h2"], alpn: "h2" },
  ...{
    ja3: "a",
    ja3s: "b",
    ja4: "c",
    resumed: false,
    outcome: "established",
    alert: "x",
    handshake_ms: 1,
    duration_ms: 2,
  },
  certificates: [
    { subject: "s", issuer: "i", not_before: "a", not_after: "b", serial: "1", names: ["h"], sha256: "f" },
  ],
  bytes: { in: 1, out: 2, in_retransmitted: 3, out_retransmitted: 4 },
  ...{ process: exchange.process, quality: exchange.quality, anomalies: ["a"], labels: { country: "CH" } },
};

const alert: AlertEvent = {
  ...{ type: "alert", time: exchange.time, time_us: exchange.time_us, id: "a1", rule: "r", scope: "s", group: "g" },
  ...{ state: "firing", direction: "high", severity: "critical", summary: "x" },
  ...{ active_at: "a", fired_at: "b", last_breach_at: "c", resolved_at: "d", window_s: 120, value: 1, peak: 2 },
  baseline: { mode: "robust", m: 1, s: 2, up: 3, low: 4, age_s: 5, windows: 6 },
  ...{ delta_pct: 1, score: 2, contributors: [], samples: [] },
  quality: { dropped: 1, gap_bytes: 2, unmatched: 3, suspect: true },
  ...{ reopened: 1, evaluations: 2, labels: { team: "x" }, annotations: { note: "y" } },
};

function* leaves(value: unknown, path: string): Iterable<[string, unknown]> {
  if (Array.isArray(value)) return;
  if (value === null || typeof value !== "object") yield [path, value];
  else for (const [key, inner] of Object.entries(value)) yield* leaves(inner, path === "" ? key : `${path}.${key}`);
}

test.each([exchange, tls, alert] as EarshotEvent[])("of an event of type $type", (event) => {
  for (const [path, value] of leaves(event, "")) {
    // `time` compares as a point in time; a body's text has the body's own name
    if (path === "time") continue;
    const field = findField(path, null);
    expect(field, path).not.toBeNull();
    expect(
      field!.readers.map((read) => read(event)),
      path,
    ).toContain(value);
  }
});

test("no short name hides a field, and each leads to one", () => {
  for (const [short, name] of ALIASES) {
    expect(FIELDS.has(short), short).toBe(false);
    expect(FIELDS.has(name), name).toBe(true);
  }
});

test("the reference lists every field once, and each name in it works", () => {
  const reference = fieldReference();
  expect(new Set(reference.map(({ name }) => name)).size).toBe(reference.length);
  expect(reference.find(({ name }) => name === "response.status")?.aliases).toContain("status");
  expect(reference.find(({ name }) => name === "request.header.NAME")?.aliases).toContain("header.NAME");
  for (const { name, aliases, about } of reference) {
    expect(about).not.toBe("");
    for (const one of [name, ...aliases])
      expect(findField(one.replace("path.NAME", "path.1"), null), one).not.toBeNull();
  }
});
