import { spawnSync } from "node:child_process";
import { PassThrough, Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { transaction } from "../../../test/support/event.ts";
import { Ledger } from "../../core/ledger.ts";
import { FormatSink } from "./destination.ts";
import { openDestination } from "./open.ts";
import { parseOutputSpec } from "./spec.ts";
import { NodeStreamWriter } from "./stdout.ts";
import { type ChunkWriter, StreamDestination } from "./stream-destination.ts";

/** Takes chunks only when told to. */
class SlowWriter implements ChunkWriter {
  taken = "";
  private release: (() => void) | null = null;
  open = false;
  write(chunk: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      const take = () => {
        this.taken += Buffer.from(chunk).toString();
        resolve();
      };
      if (this.open) take();
      else this.release = take;
    });
  }
  unblock(): void {
    this.open = true;
    this.release?.();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

describe("streams", () => {
  test("live: over the limit records are dropped and counted, the rest comes whole and in order", async () => {
    const ledger = new Ledger();
    const writer = new SlowWriter();
    const output = new StreamDestination(writer, { name: "o", ledger, drop: true, limit_bytes: 100 });
    for (let index = 0; index < 100; index++) output.record(`record ${index}`);
    await turn();
    expect(output.full).toBe(true);
    const dropped = ledger.sinkDropped.get("o")!;
    expect(dropped).toBeGreaterThan(80);
    writer.unblock();
    await output.close();
    expect(writer.taken).toBe(Array.from({ length: 100 - dropped }, (_, index) => `record ${index}\n`).join(""));
  });

  test("reading: nothing is dropped, the reader waits", async () => {
    const ledger = new Ledger();
    const writer = new SlowWriter();
    const output = new StreamDestination(writer, { name: "o", ledger, drop: false, limit_bytes: 100 });
    let waited = 0;
    setTimeout(() => writer.unblock(), 20);
    for (let index = 0; index < 1000; index++) {
      output.record(`record ${index}`);
      if (output.full) {
        waited++;
        await output.drained();
      }
    }
    await output.close();
    expect(waited).toBeGreaterThan(10);
    expect(writer.taken.split("\n").length).toBe(1001);
    expect(ledger.sinkDropped.size).toBe(0);
  });

  test("closing gives up on a live output that is stuck, and counts", async () => {
    const ledger = new Ledger();
    const output = new StreamDestination(new SlowWriter(), { name: "o", ledger, drop: true, close_timeout_ms: 20 });
    for (let index = 0; index < 7; index++) output.record("x");
    await turn();
    output.record("y");
    await output.close();
    expect(ledger.sinkDropped.get("o")).toBe(8);
  });

  test("bytes and lines keep their order", async () => {
    const writer = new SlowWriter();
    writer.open = true;
    const output = new StreamDestination(writer, { name: "o", ledger: new Ledger(), drop: false });
    output.record("a");
    output.bytes(Buffer.from("b\nc\n"), 2);
    output.record("d");
    await Promise.all([output.close(), output.close()]);
    expect(writer.taken).toBe("a\nb\nc\nd\n");
  });

  test("a closed pipe ends the output once and is no failure", async () => {
    const broken = new Writable({
      write(_chunk, _encoding, callback) {
        callback(Object.assign(new Error("EPIPE"), { code: "EPIPE" }));
      },
    });
    let ends = 0;
    const output = new StreamDestination(new NodeStreamWriter(broken), {
      name: "o",
      ledger: new Ledger(),
      drop: false,
      onEnd: () => ends++,
      onFailure: () => expect.unreachable(),
    });
    output.record("a");
    await turn();
    output.record("b");
    await output.drained();
    await output.close();
    expect(ends).toBe(1);
    expect(output.ended).toBe(true);
  });

  test("a full disk is told once and counted", async () => {
    const ledger = new Ledger();
    const failures: Error[] = [];
    const writer = { write: () => Promise.reject(new Error("ENOSPC")), close: () => Promise.resolve() };
    const output = new StreamDestination(writer, { name: "o", ledger, drop: true, onFailure: (e) => failures.push(e) });
    for (let index = 0; index < 3; index++) {
      output.record("x");
      await turn();
    }
    await output.close();
    expect(failures.length).toBe(1);
    expect(ledger.sinkDropped.get("o")).toBe(3);
  });

  test("a real pipe to head ends the program without an error; a slow reader gets all of a file", () => {
    const program = (body: string) => `
      import { openDestination } from ${JSON.stringify(new URL("./open.ts", import.meta.url))};
      import { parseOutputSpec } from ${JSON.stringify(new URL("./spec.ts", import.meta.url))};
      import { Ledger } from ${JSON.stringify(new URL("../../core/ledger.ts", import.meta.url))};
      let ended = false;
      const options = { ledger: new Ledger(), live: false, header: "h", onEnd: () => { ended = true; } };
      const output = openDestination(parseOutputSpec("csv"), options);
      for (let n = 0; ${body}; n++) { output.record("x".repeat(100)); if (output.full) await output.drained(); }
      await output.close();`;
    const run = (body: string, reader: string) =>
      spawnSync(
        "bash",
        ["-c", `set -o pipefail; "$0" --input-type=module -e "$1" | ${reader}`, process.execPath, program(body)],
        {
          encoding: "utf8",
          timeout: 20_000,
        },
      );
    const head = run("!ended", "head -1");
    expect([head.stdout, head.stderr.replace(/^.*Warning.*\n/gm, ""), head.status]).toEqual(["h\n", "", 0]);
    expect(run("n < 200_000", "(sleep 0.2; wc -l)").stdout.trim()).toBe("200001");
  });

  test("standard output gets the header first", async () => {
    const stdout = new PassThrough();
    const output = openDestination(parseOutputSpec("csv"), { ledger: new Ledger(), live: true, header: "a,b", stdout });
    const sink = new FormatSink({ name: "x", format: (event) => [event.id, "second"] }, output);
    sink.write(transaction({ id: "7" }));
    await sink.close();
    expect(String(stdout.read())).toBe("a,b\n7\nsecond\n");
  });
});

test("what gathers while a write takes long goes out in one, whole records and in order", async () => {
  const written: Uint8Array[] = [];
  const writer = {
    write: async (chunk: Uint8Array) => {
      written.push(chunk);
      await new Promise((resolve) => setTimeout(resolve, 5));
    },
    close: async () => {},
  };
  const ledger = new Ledger();
  const output = new StreamDestination(writer, { name: "x", ledger, drop: true });
  const mib = (fill: number) => new Uint8Array(1 << 20).fill(fill);
  for (let index = 0; index < 20; index++) output.bytes(mib(index), 1);
  await output.close();
  const sizes = written.map((chunk) => chunk.length >> 20);
  expect(sizes.reduce((sum, size) => sum + size)).toBe(20);
  expect(sizes.length).toBeLessThanOrEqual(4);
  expect(Math.max(...sizes)).toBe(8);
  expect(Buffer.concat(written).filter((_, at) => at % (1 << 20) === 0)).toEqual(Buffer.from([...Array(20).keys()]));
  expect(ledger.sinkDropped.size).toBe(0);
});
