import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { Ledger } from "../../core/ledger.ts";
import { openDestination } from "./open.ts";
import { RotatingFile } from "./rotating-file.ts";
import { parseOutputSpec } from "./spec.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "output-"));
  cleanups.push(() => rmSync(path, { recursive: true }));
  return path;
}

describe("files", () => {
  const base = { rotate_bytes: null, rotate_age_s: null, keep: null, compress: false, header: "#h" };

  test("rotation by size keeps the newest, compressed, each with its header; no record is lost or split", async () => {
    const path = join(folder(), "a.log");
    let now = 1_700_000_000;
    const file = new RotatingFile({ ...base, path, rotate_bytes: 30, compress: true, now: () => now });
    for (let index = 0; index < 10; index++) {
      await file.write(Buffer.from(`record number ${index}\n`));
      if (index % 3 === 0) now++;
    }
    await file.close();
    const names = readdirSync(join(path, "..")).sort();
    expect(names.length).toBe(10);
    const texts = names.map((name) => {
      const bytes = readFileSync(join(path, "..", name));
      return (name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString();
    });
    expect(texts.toSorted()).toEqual(Array.from({ length: 10 }, (_, index) => `#h\nrecord number ${index}\n`));
    expect(names.filter((name) => /^a\.log\.\d{8}T\d{6}Z(-\d)?\.gz$/.test(name)).length).toBe(9);
  });

  test("a small file rotates near its size, however much comes at once", async () => {
    const path = join(folder(), "a.log");
    const spec = parseOutputSpec(`json=${path}?rotate-size=1600`);
    const output = openDestination(spec, { ledger: new Ledger(), live: false });
    for (let index = 0; index < 500; index++) output.record(`record ${index}`);
    await output.close();
    const sizes = readdirSync(join(path, "..")).map((name) => readFileSync(join(path, "..", name)).length);
    expect(sizes.length).toBeGreaterThan(3);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1600);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(500 * 11 - 100 - 10);
  });

  test("only so many are kept, and other files stay", async () => {
    const path = join(folder(), "a.log");
    writeFileSync(join(path, "..", "a.log.keep-me"), "");
    let now = 1_700_000_000;
    const file = new RotatingFile({ ...base, path, rotate_age_s: 10, keep: 2, now: () => now });
    for (let index = 0; index < 6; index++) {
      await file.write(Buffer.from(`${index}\n`));
      now += 10;
    }
    await file.close();
    const names = readdirSync(join(path, "..")).sort();
    expect(names.length).toBe(4);
    expect(names).toContain("a.log.keep-me");
    expect(readFileSync(path, "utf8")).toBe("#h\n5\n");
    expect(readFileSync(join(path, "..", names[2]), "utf8")).toBe("#h\n4\n");
  });

  test("a file is continued without a second header", async () => {
    const path = join(folder(), "a.log");
    for (const text of ["a\n", "b\n"]) {
      const file = new RotatingFile({ ...base, path });
      await file.write(Buffer.from(text));
      await file.close();
    }
    expect(readFileSync(path, "utf8")).toBe("#h\na\nb\n");
  });

  test("what cannot be written is told at the start", () => {
    expect(() => new RotatingFile({ ...base, path: "/nonexistent/folder/a.log" })).toThrow(/folder does not exist/);
    expect(() => new RotatingFile({ ...base, path: folder() })).toThrow(/it is a folder/);
  });
});
