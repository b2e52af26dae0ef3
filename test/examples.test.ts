/** The worked examples do what their pages say, on packets, and keep the laws. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import responseTimes from "../examples/response-times/response-times.ts";
import saasActions, { actionOf } from "../examples/saas-actions/saas-actions.ts";
import { top } from "../src/cli/top.ts";
import { checkStatisticLaws, sampleTransaction } from "../src/testing.ts";
import { Conversation, interleave, pcapFile } from "./support/capture-builder.ts";
import { reportOptions, TextOut } from "./support/report-options.ts";

const folder = mkdtempSync(join(tmpdir(), "earshot-examples-"));
afterAll(() => rmSync(folder, { recursive: true }));
const example = (name: string) => new URL(`../examples/${name}/${name}.ts`, import.meta.url).pathname;

function asked(client: string, server: string, request: string, status: number, wait_us: number): Conversation {
  return new Conversation({ client: { ip: client, port: 40_000 + status }, server: { ip: server, port: 80 } })
    .open()
    .client(`${request}\r\n\r\n`)
    .wait(wait_us)
    .server(`HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`)
    .close();
}

const upload = "POST /2/files/upload HTTP/1.1\r\nHost: content.dropboxapi.com\r\nContent-Length: 0";
const message = "POST /api/chat.postMessage HTTP/1.1\r\nHost: slack.com\r\nContent-Length: 0";
const other = "GET / HTTP/1.1\r\nHost: slack.com";

async function rows(name: string, by: string, ...conversations: Conversation[]): Promise<Record<string, unknown>[]> {
  const path = join(folder, `${name}.pcap`);
  writeFileSync(path, pcapFile(interleave(...conversations)));
  const out = new TextOut();
  await top([path], { ...reportOptions, by, output: "json", metric: "requests", plugin: [example(name)] }, out);
  return out.text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

describe("saas-actions", () => {
  test("actions by client", async () => {
    const [report] = await rows(
      "saas-actions",
      "plugin:saas-actions",
      asked("10.0.0.1", "192.0.2.1", upload, 200, 1_000),
      asked("10.0.0.1", "192.0.2.1", upload, 507, 1_000),
      asked("10.0.0.2", "192.0.2.2", message, 200, 1_000),
      asked("10.0.0.3", "192.0.2.2", other, 200, 1_000),
    );
    expect(report).toMatchObject({ type: "statistic", name: "saas-actions", unit: "requests" });
    expect(report.report).toEqual([
      { client: "10.0.0.1", action: "Dropbox: upload", requests: 2, errors: 1 },
      { client: "10.0.0.2", action: "Slack: send message", requests: 1, errors: 0 },
    ]);
  });

  test("the label can be ranked by", async () => {
    const found = await rows(
      "saas-actions",
      "label:action",
      asked("10.0.0.1", "192.0.2.1", upload, 200, 1_000),
      asked("10.0.0.3", "192.0.2.2", other, 200, 1_000),
    );
    expect(found[0]).toMatchObject({ type: "top", keys: ["Dropbox: upload"], requests: 1 });
    expect(found[1]).toMatchObject({ type: "top-summary", none: { requests: 1 } });
  });

  test("only the host itself and what is below it", () => {
    const at = (host: string) =>
      actionOf(sampleTransaction({ request: { method: "POST", host, path: "/api/chat.postMessage" } }));
    expect(at("Slack.com:8080")).toBe("Slack: send message");
    expect(at("x.slack.com")).toBe("Slack: send message");
    expect(at("evilslack.com")).toBeNull();
    expect(actionOf({ ...sampleTransaction(), request: null })).toBeNull();
  });

  test("keeps the laws", () => {
    const request = { method: "POST", host: "slack.com", path: "/api/chat.postMessage" };
    const events = Array.from({ length: 60 }, (_, index) =>
      sampleTransaction({
        flow: { client: { ip: `10.0.0.${index % 7}` } },
        request,
        response: { status: 200 + index * 5 },
      }),
    );
    for (const statistic of saasActions.statistics!) checkStatisticLaws(statistic, events);
  });
});

describe("response-times", () => {
  test("averages, slowest first", async () => {
    const [report] = await rows(
      "response-times",
      "plugin:response-times",
      asked("10.0.0.1", "192.0.2.1", other, 200, 10_000),
      asked("10.0.0.2", "192.0.2.1", other, 201, 30_000),
      asked("10.0.0.3", "192.0.2.2", other, 202, 90_000),
    );
    const found = report.report as { server: string; responses: number; average_ms: number; longest_ms: number }[];
    expect(found.map(({ server, responses }) => [server, responses])).toEqual([
      ["192.0.2.2:80", 1],
      ["192.0.2.1:80", 2],
    ]);
    // the acknowledgment and the answer's own packet take 100 µs each in the built capture
    expect(found[1].average_ms).toBeCloseTo(20.2, 1);
    expect(found[0].longest_ms).toBeCloseTo(90.2, 1);
  });

  test("keeps the laws", () => {
    for (const statistic of responseTimes.statistics!) checkStatisticLaws(statistic);
  });
});
