import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import zlib from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BuiltPacket, concat, pcapFile, pcapngFile } from "../../../test/support/capture-builder.ts";
import { Collector } from "../../../test/support/capture-reading.ts";
import { Ledger } from "../../core/ledger.ts";
import { EXIT, Trouble } from "../../core/trouble.ts";
import { type CaptureProblem, openCapture } from "./capture-file.ts";
import { openInput } from "./input.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "earshot-capture-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const packets: BuiltPacket[] = Array.from({ length: 3000 }, (_, i) => ({
  time: 1_700_000_000_000_000 + i * 1000,
  bytes: Uint8Array.from({ length: 60 + (i % 900) }, (_, at) => (at * i) & 255),
}));
const capture = pcapFile(packets);

function file(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function read(path: string): Promise<{ seen: Collector; problems: CaptureProblem[]; codes: string[] }> {
  const seen = new Collector();
  const problems: CaptureProblem[] = [];
  await openCapture(path, { ledger: new Ledger(), onProblem: (one) => problems.push(one) }).runAsync(seen);
  return { seen, problems, codes: problems.map(({ code }) => code) };
}

function trouble(act: () => unknown): Trouble {
  try {
    act();
  } catch (error) {
    if (error instanceof Trouble) return error;
    throw error;
  }
  throw new Error("no trouble");
}

const ledger = new Ledger();
const open = (path: string) => openCapture(path, { ledger });
const notCapture = "not a capture file (pcap, pcapng, or either compressed with gzip or zstd)";

test("what cannot be read is told in one line with exit code 4", () => {
  const text = file("notes.txt", "dear diary, today I captured nothing\n");
  const cases: [string, string][] = [
    [text, `${text}: ${notCapture}`],
    [file("short.pcap", "ab"), `${join(folder, "short.pcap")}: ${notCapture}`],
    [file("empty.pcap", ""), `${join(folder, "empty.pcap")}: empty, not even a capture file header`],
    [join(folder, "missing.pcap"), `${join(folder, "missing.pcap")}: no such file`],
    [join(text, "below.pcap"), `${join(text, "below.pcap")}: no such file`],
    [folder, `${folder}: is a directory, not a capture file`],
  ];
  for (const [path, message] of cases) {
    const { message: got, exitCode } = trouble(() => open(path));
    expect([got, exitCode]).toEqual([message, EXIT.badFile]);
  }
});

const isRoot = process.getuid?.() === 0;
test.skipIf(isRoot)(`a file without read permission${isRoot ? " (skipped: root may read everything)" : ""}`, () => {
  const path = file("secret.pcap", capture);
  chmodSync(path, 0);
  expect(trouble(() => open(path))).toMatchObject({
    message: `${path}: no permission to read it`,
    exitCode: EXIT.badFile,
  });
});

test("a compressed file that holds no capture", async () => {
  const path = file("notes.txt.gz", zlib.gzipSync("dear diary"));
  await expect(read(path)).rejects.toMatchObject({ message: `${path}: ${notCapture}`, exitCode: EXIT.badFile });
  const nothing = file("nothing.gz", zlib.gzipSync(""));
  await expect(read(nothing)).rejects.toThrow("empty, not even a capture file header");
});

test("a regular file is read synchronously, whatever its name", () => {
  const seen = new Collector();
  const opened = open(file("capture.dump", capture));
  expect(opened.synchronous).toBe(true);
  opened.run(seen);
  expect(seen.packets.length).toBe(packets.length);
  expect(opened.summary()).toMatchObject({ bytes: capture.length, compression: null, packets: packets.length });
});

const hasZstd = typeof zlib.createZstdDecompress === "function";
const withoutZstd = hasZstd ? "" : " (skipped: this Node has no zstd)";

for (const [name, compress] of [
  ["gzip", (bytes: Uint8Array) => zlib.gzipSync(bytes)],
  ["zstd", (bytes: Uint8Array) => zlib.zstdCompressSync(bytes)],
] as const) {
  const skip = name === "zstd" && !hasZstd;
  const note = skip ? withoutZstd : "";

  test.skipIf(skip)(`${name}: the same packets as uncompressed${note}`, async () => {
    const { seen, codes } = await read(file(`c.${name}`, compress(capture)));
    expect(codes).toEqual([]);
    const plain = await read(file("plain.pcap", capture));
    expect(seen.packets).toEqual(plain.seen.packets);
  });

  test.skipIf(skip)(`${name}: several compressed files in a row are one${note}`, async () => {
    const parts = [];
    for (let at = 0; at < capture.length; at += 50_000) parts.push(compress(capture.subarray(at, at + 50_000)));
    const { seen, codes } = await read(file(`parts.${name}`, concat(...parts)));
    expect(codes).toEqual([]);
    expect(seen.packets.length).toBe(packets.length);
  });

  test.skipIf(skip)(`${name}: cut short, what came before is delivered${note}`, async () => {
    const compressed = compress(capture);
    const { seen, codes } = await read(file(`cut.${name}`, compressed.subarray(0, compressed.length - 40)));
    expect(codes).toContain("capture.truncated");
    expect(seen.packets.length).toBeGreaterThan(0);
    expect(seen.packets.length).toBeLessThanOrEqual(packets.length);
  });

  test.skipIf(skip)(`${name}: damaged in the middle, what came before is delivered${note}`, async () => {
    const half = compress(capture.subarray(0, 400_000));
    const rest = compress(capture.subarray(400_000)).fill(0xff, 12, 300);
    const { seen, codes } = await read(file(`bad.${name}`, concat(half, rest)));
    expect(codes).toContain("capture.compression-invalid");
    expect(seen.packets.length).toBeGreaterThan(500);
    expect(seen.packets.length).toBeLessThan(packets.length);
  });
}

test.skipIf(!hasZstd)(`zstd: a file may start with a frame to be skipped${withoutZstd}`, async () => {
  const skipped = Uint8Array.of(0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3);
  const { seen } = await read(file("skip.zst", concat(skipped, zlib.zstdCompressSync(pcapngFile(packets)))));
  expect(seen.packets.length).toBe(packets.length);
});

test("a named pipe: opening does not wait for its writer", async () => {
  const path = join(folder, "pipe");
  execFileSync("mkfifo", [path]);
  const seen = new Collector();
  const opened = open(path);
  expect([opened.synchronous, opened.totalBytes]).toEqual([false, null]);
  const done = opened.runAsync(seen);
  const writer = spawn("sh", ["-c", `cat "$0" > "$1"`, file("for-pipe.pcap", capture), path]);
  await done;
  await new Promise((resolve) => (writer.exitCode === null ? writer.once("exit", resolve) : resolve(null)));
  expect(seen.packets.length).toBe(packets.length);
});

test("a folder in the place of a file inside a merge is named", () => {
  mkdirSync(join(folder, "sub"));
  expect(() => openInput(join(folder, "sub"))).toThrow(`${join(folder, "sub")}: is a directory, not a capture file`);
});
