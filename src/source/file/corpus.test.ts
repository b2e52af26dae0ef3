/** Every capture of the corpus: as many packets, interfaces and link types as tshark says. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Collector, readBytes } from "../../../test/support/capture-reading.ts";
import { Ledger } from "../../core/ledger.ts";
import { openCapture } from "./capture-file.ts";

const CORPUS = join(import.meta.dirname, "../../../../shared/corpus");

interface Oracle {
  readonly file: string;
  readonly container: {
    readonly n_packets: number;
    readonly n_interfaces: number;
    readonly linktypes: readonly number[];
    readonly format: string;
    readonly compression: string | null;
    readonly dsb?: number;
    readonly file_truncated: boolean;
  };
}

function oracles(): Oracle[] {
  const folder = join(CORPUS, "oracle");
  return readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")));
}

const missing = !existsSync(join(CORPUS, "oracle"));
const skipped = missing ? " (skipped: no ../shared/corpus)" : "";

test.skipIf(missing)(`packets of every capture in the corpus${skipped}`, async () => {
  const wrong: unknown[] = [];
  let read = 0;
  for (const { file, container } of oracles()) {
    if (container.compression === "zstd" && !("zstdDecompress" in (await import("node:zlib")))) continue;
    const seen = new Collector();
    let beforeProblem = -1;
    const onProblem = ({ code }: { code: string }) => {
      // an odd time is no damage: reading goes on at the next byte
      if (code !== "capture.time-invalid" && beforeProblem < 0) beforeProblem = seen.packets.length;
    };
    const capture = openCapture(join(CORPUS, file), { ledger: new Ledger(), onProblem });
    await capture.runAsync(seen);
    const { format, compression } = capture.summary();
    const got = {
      // tshark stops at damage; earshot goes on behind it
      packets: container.file_truncated ? beforeProblem : seen.packets.length,
      interfaces: seen.interfaces.length,
      linktypes: [...new Set(seen.interfaces.map(({ linkType }) => linkType))].sort((a, b) => a - b),
      format,
      compression,
      keyLogs: seen.keyLogs.length,
      damaged: beforeProblem >= 0,
    };
    const expected = {
      packets: container.n_packets,
      interfaces: container.n_interfaces,
      linktypes: container.linktypes,
      format: container.format,
      compression: container.compression,
      keyLogs: container.dsb ?? 0,
      damaged: container.file_truncated,
    };
    if (JSON.stringify(got) !== JSON.stringify(expected)) wrong.push({ file, got, expected });
    read++;
  }
  expect(wrong).toEqual([]);
  expect(read).toBeGreaterThan(400);
});

test.skipIf(missing)(`cut and damaged copies of every capture are read to their end${skipped}`, () => {
  let state = 7;
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  let read = 0;
  for (const { file, container } of oracles()) {
    if (container.compression !== null) continue;
    const whole = new Uint8Array(readFileSync(join(CORPUS, file)));
    // the magic number stays: without it the file is no capture
    const cut = readBytes(whole.subarray(0, 4 + random(whole.length - 3)), { pieces: [5000] });
    expect(cut.packets).toEqual(readBytes(whole).packets.slice(0, cut.packets.length));
    for (const damages of [1, 30]) {
      const damaged = whole.slice();
      for (let i = 0; i < damages; i++) damaged[4 + random(damaged.length - 4)] = random(256);
      const { packets, problems } = readBytes(damaged, { window_bytes: 4096, pieces: [5000] });
      expect(packets.length).toBeLessThanOrEqual(damaged.length / 16);
      expect(problems.length).toBeLessThanOrEqual(10);
      read++;
    }
  }
  expect(read).toBeGreaterThan(800);
});

test.skipIf(missing)(`times and comments of a ptcpdump capture${skipped}`, () => {
  const seen = new Collector();
  const path = join(CORPUS, "ptcpdump__testdata_format__curl-thread.pcapng");
  openCapture(path, { ledger: new Ledger() }).run(seen);
  expect(seen.interfaces.length).toBe(10);
  expect(seen.packets[0]).toMatchObject({
    interfaceId: 2,
    direction: 2,
    comment:
      "PID: 122868\nCmd: /usr/bin/curl\nArgs: curl kernel.com\nThreadId: 122868\nThreadName: curl\n" +
      "ParentPID: 53229\nParentCmd: /usr/bin/bash\nParentArgs: -bash",
  });
  expect(seen.packets[1].direction).toBe(1);
});
