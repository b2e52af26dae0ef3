/** The lock of a state folder: one holder, and no dead one. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockHolder, StateLock } from "./state-lock.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "earshot-lock-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const path = () => join(folder, "lock");
const taken = () => {
  const lock = StateLock.take(folder);
  expect(lock).toBeInstanceOf(StateLock);
  return lock as StateLock;
};

test("held by one until it lets go", () => {
  expect(lockHolder(folder)).toBeNull();
  const lock = taken();
  expect(lockHolder(folder)).toMatchObject({ pid: process.pid });
  expect(StateLock.take(folder)).toMatchObject({ pid: process.pid });
  lock.release();
  expect(lockHolder(folder)).toBeNull();
  taken().release();
  expect(readdirSync(folder)).toEqual([]);
});

test.each([
  ["a process that is gone", { pid: 2 ** 22 + 1, started: "1", boot: "x" }],
  ["no process", { pid: -1 }],
  ["nonsense", null],
])("the lock of %s is nobody's", (_, holder) => {
  writeFileSync(path(), JSON.stringify(holder));
  expect(lockHolder(folder)).toBeNull();
  taken().release();
});

test("a damaged lock is nobody's", () => {
  writeFileSync(path(), '{"pid":');
  taken().release();
});

test.skipIf(process.platform !== "linux")("another process with the same number does not hold it (needs Linux)", () => {
  taken();
  const own = JSON.parse(readFileSync(path(), "utf8"));
  writeFileSync(path(), JSON.stringify({ ...own, started: "12" }));
  expect(lockHolder(folder)).toBeNull();
  writeFileSync(path(), JSON.stringify({ ...own, boot: "of yesterday" }));
  expect(lockHolder(folder)).toBeNull();
  taken();
});

test("the lock of another is not released", () => {
  const lock = taken();
  writeFileSync(path(), "another's");
  lock.release();
  expect(readFileSync(path(), "utf8")).toBe("another's");
});

test("a folder that cannot be made is an error of the system", () => {
  writeFileSync(path(), "");
  expect(() => StateLock.take(join(path(), "below"))).toThrow(/ENOTDIR|EEXIST/);
});
