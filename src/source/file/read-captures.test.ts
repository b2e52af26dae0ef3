import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import zlib from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BuiltPacket, pcapFile, pcapngFile } from "../../../test/support/capture-builder.ts";
import { Collector } from "../../../test/support/capture-reading.ts";
import { Ledger } from "../../core/ledger.ts";
import { EXIT } from "../../core/trouble.ts";
import type { CaptureProgress } from "./capture-file.ts";
import { type ReadOptions, readCaptures } from "./read-captures.ts";

const START = 1_700_000_000_000_000;

let folder: string;
let files = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "earshot-captures-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(content: Uint8Array): string {
  const path = join(folder, `${files++}.pcap`);
  writeFileSync(path, content);
  return path;
}

/** Packets at these times after START, each with the given mark as its first byte. */
const at = (mark: number, ...times: readonly number[]): BuiltPacket[] =>
  times.map((time) => ({ time: START + time, bytes: Uint8Array.of(mark, 0, 0, 0) }));
/** Packets of a thousand bytes: some hundred fill the reader's window. */
const many = (mark: number, count: number, step: number): BuiltPacket[] => {
  const bytes = new Uint8Array(1000).fill(mark);
  return Array.from({ length: count }, (_, i) => ({ time: START + i * step, bytes }));
};

async function read(paths: readonly string[], options: Partial<ReadOptions> = {}) {
  const seen = new Collector();
  const summary = await readCaptures(paths, seen, { ledger: new Ledger(), ...options });
  return { seen, summary, marks: seen.packets.map(({ bytes }) => Number.parseInt(bytes.slice(0, 2), 16)) };
}

test("one file: packets, and a summary of it", async () => {
  const content = pcapFile(at(1, 0, 10, 20));
  const path = file(content);
  const { seen, summary } = await read([path]);
  expect(seen.packets.length).toBe(3);
  expect(summary).toEqual({
    files: [
      {
        path,
        format: "pcap",
        compression: null,
        bytes: content.length,
        packets: 3,
        firstTime: START,
        lastTime: START + 20,
        interfaces: seen.interfaces,
        problems: [],
      },
    ],
    packets: 3,
    bytes: content.length,
    firstTime: START,
    lastTime: START + 20,
    interfaces: seen.interfaces,
    problems: [],
    aborted: false,
  });
});

test("several files are merged by time; of equal times the file named first comes first", async () => {
  const paths = [
    file(pcapFile(at(1, 10, 20, 50))),
    file(pcapngFile(at(2, 5, 20, 30, 60))),
    file(zlib.gzipSync(pcapFile(at(3, 0, 20, 55)))),
  ];
  const { marks, seen, summary } = await read(paths);
  expect(marks).toEqual([3, 2, 1, 1, 2, 3, 2, 1, 3, 2]);
  expect(summary.files.map(({ packets, format }) => [packets, format])).toEqual([
    [3, "pcap"],
    [4, "pcapng"],
    [3, "pcap"],
  ]);
  expect(summary.packets).toBe(10);
  expect([summary.firstTime, summary.lastTime]).toEqual([START, START + 60]);
  expect(seen.packets.map(({ time }) => time - START)).toEqual([0, 5, 10, 20, 20, 20, 30, 50, 55, 60]);
});

test("interfaces are numbered anew over all files", async () => {
  const interfaces = [{ name: "a" }, { name: "b", linkType: 113 }];
  const paths = [
    file(pcapngFile([{ ...at(1, 0)[0], interfaceId: 1 }], { interfaces })),
    file(pcapngFile([{ ...at(2, 1)[0], interfaceId: 1 }], { interfaces })),
    file(pcapFile(at(3, 2), { linkType: 101 })),
  ];
  const { seen, summary } = await read(paths);
  expect(seen.interfaces.map(({ id, linkType }) => [id, linkType])).toEqual([
    [0, 1],
    [1, 113],
    [2, 1],
    [3, 113],
    [4, 101],
  ]);
  expect(seen.packets.map(({ interfaceId }) => interfaceId)).toEqual([1, 3, 4]);
  expect(summary.interfaces).toEqual(seen.interfaces);
});

test("merging is sorting, when each file is in order", async () => {
  const times = fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(fc.array(times, { minLength: 2, maxLength: 5 }), async (lists) => {
      const paths = lists.map((list, mark) => file(pcapFile(at(mark, ...list.sort((a, b) => a - b)))));
      const { seen } = await read(paths);
      const sorted = lists
        .flatMap((list, mark) => list.map((time) => ({ time, mark })))
        .sort((a, b) => a.time - b.time);
      expect(seen.packets.map(({ time }) => time - START)).toEqual(sorted.map(({ time }) => time));
      for (const path of paths) rmSync(path);
    }),
    { numRuns: 40 },
  );
});

test("of rotated files only the one whose turn it is stays open", async () => {
  const paths = Array.from({ length: 40 }, (_, i) => file(pcapFile(at(i, i * 100, i * 100 + 50))));
  const before = openFiles();
  let most = 0;
  const summary = await readCaptures(
    paths.toReversed(),
    {
      interfaceOpened() {},
      packet() {
        most = Math.max(most, openFiles() - before);
      },
    },
    { ledger: new Ledger() },
  );
  expect(summary.packets).toBe(80);
  expect(most).toBeLessThanOrEqual(2);
  expect(openFiles()).toBe(before);
});

/** The next descriptor is the lowest free one, so its number tells how many are open. */
function openFiles(): number {
  const descriptor = openSync("/dev/null", "r");
  closeSync(descriptor);
  return descriptor;
}

test("a file that is no capture is told before the first packet of any other", async () => {
  const bad = file(new TextEncoder().encode("dear diary"));
  const seen = new Collector();
  const reading = readCaptures([file(pcapFile(at(1, 0))), bad], seen, { ledger: new Ledger() });
  await expect(reading).rejects.toMatchObject({ exitCode: EXIT.badFile, message: expect.stringContaining(bad) });
  expect(seen.packets).toEqual([]);
});

test("standard input named twice", async () => {
  await expect(read(["-", "-"])).rejects.toMatchObject({ exitCode: EXIT.usage });
});

test("problems of every file are in the summary, once each", async () => {
  const cut = (mark: number) => pcapFile(at(mark, 0, 1)).subarray(0, -1);
  const ledger = new Ledger();
  const { summary } = await read([file(cut(1)), file(cut(2))], { ledger });
  expect(summary.problems.map(({ code }) => code)).toEqual(["capture.truncated", "capture.truncated"]);
  expect(ledger.anomalies.get("capture.truncated")).toBe(2);
  expect(summary.packets).toBe(2);
});

test("progress ends at the whole size", async () => {
  const told: CaptureProgress[] = [];
  const paths = [file(pcapFile(many(1, 3000, 10))), file(pcapFile(many(2, 3000, 10)))];
  const { summary } = await read(paths, { onProgress: (progress) => told.push(progress) });
  expect(told.at(-1)).toEqual({ bytesRead: summary.bytes, totalBytes: summary.bytes, packets: 6000 });
  for (const [i, one] of told.entries()) if (i > 0) expect(one.bytesRead).toBeGreaterThanOrEqual(told[i - 1].bytesRead);
});

test("pause holds reading until its promise is kept", async () => {
  const path = file(pcapFile(many(1, 4000, 10)));
  let packets = 0;
  const handler = { interfaceOpened() {}, packet: () => void packets++ };
  const whilePaused: boolean[] = [];
  await readCaptures([path], handler, {
    ledger: new Ledger(),
    pause: async () => {
      const before = packets;
      await sleep(2);
      whilePaused.push(packets === before);
    },
  });
  expect(packets).toBe(4000);
  expect(whilePaused.length).toBeGreaterThan(3);
  expect(whilePaused).not.toContain(false);
});

test("an aborted reading ends soon, cleanly, and says so", async () => {
  const path = file(pcapFile(many(1, 4000, 10)));
  const stop = new AbortController();
  const pause = async () => stop.abort();
  const { summary } = await read([path], { signal: stop.signal, pause });
  expect(summary.aborted).toBe(true);
  expect(summary.packets).toBeLessThan(4000);
  const never = await read([path, path], { signal: AbortSignal.abort() });
  expect(never.summary).toMatchObject({ aborted: true, packets: 0, problems: [] });
});

test("timers run while a large file is read", async () => {
  const path = file(pcapFile(many(1, 10_000, 10)));
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  const busy = {
    interfaceOpened() {},
    packet() {
      const until = performance.now() + 0.04;
      while (performance.now() < until);
    },
  };
  await readCaptures([path], busy, { ledger: new Ledger() });
  clearInterval(timer);
  // 400 ms of work
  expect(ticks).toBeGreaterThan(2);
});

/** Runs `readCaptures(["-"])` in a process of its own; prints a line a packet, and the summary. */
function readStandardInput(stdin: "pipe" | number): ChildProcess {
  const program = `
    const { readCaptures } = await import(${JSON.stringify(new URL("./read-captures.ts", import.meta.url).href)});
    const { Ledger } = await import(${JSON.stringify(new URL("../../core/ledger.ts", import.meta.url).href)});
    const handler = { interfaceOpened() {}, packet(raw) { console.log("packet", raw.bytes[raw.start]); } };
    const stop = new AbortController();
    process.once("SIGINT", () => stop.abort());
    const options = { ledger: new Ledger(), signal: stop.signal };
    try {
      const { packets, aborted } = await readCaptures(["-"], handler, options);
      console.log("end", packets, aborted);
    } catch (error) {
      console.log(error.name, error.exitCode, error.message);
    }`;
  return spawn(process.execPath, ["--no-warnings", "--input-type=module", "--eval", program], {
    stdio: [stdin, "pipe", "inherit"],
  });
}

async function* linesOf(child: ChildProcess): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of child.stdout!) {
    rest += chunk;
    const lines = rest.split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

const [major, minor] = process.versions.node.split(".").map(Number);
const oldNode = major < 22 || (major === 22 && minor < 18);
const needsNode = oldNode ? " (skipped: this Node cannot run TypeScript)" : "";

test.skipIf(oldNode)(`standard input: each packet is there as soon as it was written${needsNode}`, async () => {
  const child = readStandardInput("pipe");
  const lines = linesOf(child);
  const whole = pcapFile(at(7, 0, 1, 2));
  const record = (whole.length - 24) / 3;
  child.stdin!.write(whole.subarray(0, 24 + record));
  expect((await lines.next()).value).toBe("packet 7");
  child.stdin!.write(whole.subarray(24 + record, 24 + 2 * record + 9));
  expect((await lines.next()).value).toBe("packet 7");
  child.stdin!.end(whole.subarray(24 + 2 * record + 9));
  expect((await lines.next()).value).toBe("packet 7");
  expect((await lines.next()).value).toBe("end 3 false");
});

test.skipIf(oldNode)(`standard input: an interrupt ends the wait for bytes${needsNode}`, async () => {
  const child = readStandardInput("pipe");
  const lines = linesOf(child);
  child.stdin!.write(pcapFile(at(7, 0)));
  expect((await lines.next()).value).toBe("packet 7");
  child.kill("SIGINT");
  expect((await lines.next()).value).toBe("end 1 true");
  child.stdin!.end();
});

test.skipIf(oldNode)(`standard input: compressed, from a file, and no capture${needsNode}`, async () => {
  const last = async (child: ChildProcess) => {
    let line = "";
    for await (line of linesOf(child));
    return line;
  };
  const compressed = readStandardInput("pipe");
  compressed.stdin!.end(zlib.gzipSync(pcapFile(at(7, 0, 1))));
  expect(await last(compressed)).toBe("end 2 false");
  expect(await last(readStandardInput(openSync(file(pcapFile(at(7, 0, 1, 2))), "r")))).toBe("end 3 false");
  const text = readStandardInput("pipe");
  text.stdin!.end("dear diary");
  expect(await last(text)).toMatch(/^Trouble 4 standard input: not a capture file/);
  const empty = readStandardInput("pipe");
  empty.stdin!.end();
  expect(await last(empty)).toBe("Trouble 4 standard input: empty, not even a capture file header");
});
