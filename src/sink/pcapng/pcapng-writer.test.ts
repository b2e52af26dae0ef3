import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Conversation } from "../../../test/support/capture-builder.ts";
import { hex, readBytes, type SeenPacket } from "../../../test/support/capture-reading.ts";
import { Ledger } from "../../core/ledger.ts";
import { RawPacket } from "../../core/packet.ts";
import { EXIT } from "../../core/trouble.ts";
import { PcapngEncoder } from "./pcapng-encoder.ts";
import { PcapngWriter } from "./pcapng-writer.ts";
import { processComments } from "./process-comment.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "earshot-pcapng-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const START = 1_700_000_000_123_456;

function raw(values: Partial<RawPacket> & { readonly bytes: Uint8Array }): RawPacket {
  const size = values.bytes.length;
  return Object.assign(new RawPacket(), { time: START, linkType: 1, end: size, wireLength: size }, values);
}

const given = fc.record({
  time: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  bytes: fc.uint8Array({ maxLength: 3000 }),
  cut: fc.integer({ min: 0, max: 70_000 }),
  interfaceId: fc.integer({ min: 0, max: 5 }),
  linkType: fc.constantFrom(1, 101, 113, 276),
  direction: fc.constantFrom(0 as const, 1 as const, 2 as const),
  comments: fc.array(
    fc.string({ unit: "binary", minLength: 1, maxLength: 50 }).filter((text) => !/\0$/.test(text)),
    { maxLength: 3 },
  ),
});

for (const resolution of ["us", "ns"] as const) {
  test(`what was written is what is read, in ${resolution}`, () => {
    fc.assert(
      fc.property(fc.array(given, { maxLength: 20 }), fc.string({ minLength: 1 }), (list, keyLog) => {
        // nanoseconds since the epoch have 64 bits in the file: the year 2554, beyond what microseconds need
        const encoder = new PcapngEncoder({ resolution });
        fc.pre(!keyLog.endsWith("\0"));
        encoder.secrets(keyLog);
        for (const { comments, cut, bytes, ...rest } of list) {
          encoder.packet(raw({ ...rest, bytes, wireLength: bytes.length + cut }), comments);
        }
        const { packets, seen, problems } = readBytes(encoder.bytes.subarray(0, encoder.length));
        expect(problems).toEqual([]);
        expect(seen.keyLogs).toEqual([keyLog]);
        expect(packets.map(({ interfaceId: _, ...rest }) => rest)).toEqual(
          list.map(
            ({ time, bytes, cut, linkType, direction, comments }): Omit<SeenPacket, "interfaceId"> => ({
              time,
              bytes: hex(bytes),
              wireLength: bytes.length + cut,
              linkType,
              direction,
              comment: comments.length === 0 ? null : comments.join("\n"),
            }),
          ),
        );
      }),
      { numRuns: 100 },
    );
  });
}

test("interfaces keep name, link type and description; each is described once", () => {
  const encoder = new PcapngEncoder();
  encoder.interfaceOpened({ id: 3, name: "eth0", linkType: 1, description: '{"container":"x"}' });
  encoder.interfaceOpened({ id: 7, name: "lo", linkType: 113, description: null });
  encoder.interfaceOpened({ id: 3, name: "eth0", linkType: 1, description: null });
  encoder.packet(raw({ bytes: new Uint8Array(60), interfaceId: 7, linkType: 113 }), []);
  encoder.packet(raw({ bytes: new Uint8Array(60), interfaceId: 3 }), []);
  encoder.packet(raw({ bytes: new Uint8Array(60), interfaceId: 9 }), []);
  const { packets, seen } = readBytes(encoder.bytes.subarray(0, encoder.length));
  expect(seen.interfaces).toEqual([
    { id: 0, name: "eth0", linkType: 1, description: '{"container":"x"}' },
    { id: 1, name: "lo", linkType: 113, description: null },
    { id: 2, name: null, linkType: 1, description: null },
  ]);
  expect(packets.map(({ interfaceId }) => interfaceId)).toEqual([1, 0, 2]);
});

test("a VLAN tag that the kernel took out is put back", () => {
  const frame = Uint8Array.from({ length: 60 }, (_, i) => i);
  const encoder = new PcapngEncoder();
  encoder.packet(raw({ bytes: frame, vlanTag: 0x2007 }), []);
  const { packets } = readBytes(encoder.bytes.subarray(0, encoder.length));
  expect(packets[0].bytes).toBe(`${hex(frame.subarray(0, 12))}81002007${hex(frame.subarray(12))}`);
  expect(packets[0].wireLength).toBe(64);
});

test("texts longer than an option are cut between characters", () => {
  const encoder = new PcapngEncoder();
  encoder.packet(raw({ bytes: new Uint8Array(1) }), ["ab".repeat(10) + "€".repeat(40_000)]);
  const { packets, problems } = readBytes(encoder.bytes.subarray(0, encoder.length));
  expect(problems).toEqual([]);
  expect(packets[0].comment).toMatch(/^(ab){10}€+$/);
});

test("secrets of any size go into blocks that readers accept, cut between lines", () => {
  const encoder = new PcapngEncoder();
  const keyLog = `CLIENT_RANDOM ${"ab".repeat(48)}\n`.repeat(20_000);
  encoder.secrets(keyLog);
  const { seen, problems } = readBytes(encoder.bytes.subarray(0, encoder.length));
  expect(problems).toEqual([]);
  expect(seen.keyLogs.length).toBeGreaterThan(1);
  for (const part of seen.keyLogs) expect(part.endsWith("\n")).toBe(true);
  expect(seen.keyLogs.join("")).toBe(keyLog);
});

test("a file: what is lent is copied, what is held is bounded, flush makes it visible", () => {
  const path = join(folder, "out.pcapng");
  const writer = new PcapngWriter(path, { ledger: new Ledger() });
  const lent = raw({ bytes: new Uint8Array(1000) });
  for (let i = 0; i < 1000; i++) {
    lent.bytes.fill(i & 255);
    lent.time = START + i;
    writer.packet(lent);
  }
  const held = readBytes(readFileSync(path)).packets.length;
  expect(held).toBeGreaterThan(500);
  expect(held).toBeLessThan(1000);
  writer.flush();
  const { packets, problems } = readBytes(new Uint8Array(readFileSync(path)));
  expect(problems).toEqual([]);
  expect(packets.map(({ time }) => time - START)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  expect(packets.map(({ bytes }) => Number.parseInt(bytes.slice(0, 2), 16))).toEqual(packets.map((_, i) => i & 255));
  writer.close();
  expect(writer.alive).toBe(false);
});

test("a packet's own comment is kept unless others are given", () => {
  const path = join(folder, "comments.pcapng");
  const writer = new PcapngWriter(path, { ledger: new Ledger() });
  writer.packet(raw({ bytes: new Uint8Array(4), comment: "own" }));
  writer.packet(raw({ bytes: new Uint8Array(4), comment: "own" }), ["a", "b"]);
  writer.close();
  expect(readBytes(readFileSync(path)).packets.map(({ comment }) => comment)).toEqual(["own", "a\nb"]);
});

const noFullDevice = !existsSync("/dev/full");
test.skipIf(noFullDevice)(
  `a full disk: told once, packets counted${noFullDevice ? " (skipped: no /dev/full)" : ""}`,
  () => {
    const ledger = new Ledger();
    const told: string[] = [];
    const writer = new PcapngWriter("/dev/full", { ledger, onProblem: (message) => told.push(message) });
    for (let i = 0; i < 1000; i++) writer.packet(raw({ bytes: new Uint8Array(1000) }));
    writer.close();
    expect(told).toEqual(["/dev/full: writing packets failed (no space left on the disk); no more are written"]);
    expect(ledger.sinkDropped.get("pcapng")).toBe(1000);
    expect(writer.packets).toBe(0);
  },
);

test("a file that cannot be made is told in one line", () => {
  const open = (path: string) => () => new PcapngWriter(path, { ledger: new Ledger() });
  expect(open(join(folder, "no", "x.pcapng"))).toThrow(
    expect.objectContaining({ message: `${folder}/no/x.pcapng: the folder does not exist`, exitCode: EXIT.badFile }),
  );
  expect(open(folder)).toThrow(`${folder}: is a directory`);
});

test("process comments have ptcpdump's form", () => {
  const process = {
    pid: 122868,
    tid: 122869,
    ppid: 53229,
    comm: "curl",
    exe: "/usr/bin/curl",
    args: ["curl", "kernel.com"],
    uid: 0,
    gid: 100,
    container: { id: "abc123", runtime: "docker", name: "web", image: "nginx:1.27" },
    pod: { uid: "def456", name: "web-pod", namespace: "default", labels: { app: "web" } },
  };
  expect(processComments(process)).toEqual([
    "PID: 122868\nCmd: /usr/bin/curl\nArgs: curl kernel.com",
    "ThreadId: 122869\nThreadName: curl",
    "UserId: 0\nGroupId: 100",
    "ParentPID: 53229",
    "ContainerName: web\nContainerId: abc123\nContainerImage: nginx:1.27",
    'PodName: web-pod\nPodNamespace: default\nPodUID: def456\nPodLabels: {"app":"web"}',
  ]);
});

test("what is not known is left out, and no process can add a line", () => {
  expect(processComments({ pid: 1, comm: "x\nContainerId: evil", uid: null })).toEqual([
    "PID: 1\nCmd: x ContainerId: evil",
    "ThreadName: x ContainerId: evil",
  ]);
});

const hasTshark = (() => {
  try {
    execFileSync("tshark", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

test.skipIf(!hasTshark)(`tshark reads the file${hasTshark ? "" : " (SKIPPED: needs tshark)"}`, () => {
  const path = join(folder, "tshark.pcapng");
  const writer = new PcapngWriter(path, { ledger: new Ledger(), resolution: "ns" });
  writer.interfaceOpened({ id: 0, name: "eth0", linkType: 1, description: null });
  const talk = new Conversation({ start: START }).open().client("GET /x HTTP/1.1\r\nHost: a\r\n\r\n").close();
  writer.secrets("CLIENT_RANDOM 00 11\n");
  for (const { time, bytes } of talk.packets) writer.packet(raw({ time, bytes, direction: 2 }), ["PID: 7\nCmd: curl"]);
  writer.close();
  const fields = ["frame.time_epoch", "frame.interface_name", "frame.comment", "http.request.uri"];
  const options = ["-r", path, "-T", "fields", ...fields.flatMap((field) => ["-e", field])];
  const rows = execFileSync("tshark", options, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
    .trimEnd()
    .split("\n");
  expect(rows.length).toBe(talk.packets.length);
  expect(rows[0].split("\t").slice(0, 2)).toEqual(["1700000000.123456000", "eth0"]);
  expect(rows[0]).toContain("PID: 7");
  expect(rows[3]).toContain("/x");
});
