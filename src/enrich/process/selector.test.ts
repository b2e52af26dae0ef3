import { spawn } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { ProcessInfo } from "../../core/process.ts";
import { Trouble } from "../../core/trouble.ts";
import { type ProcessSelection, parsePid, processSelector } from "./selector.ts";

const nginx: ProcessInfo = {
  pid: 10,
  ppid: 9,
  comm: "nginx",
  uid: 33,
  user: "www-data",
  container: { id: "abcd".repeat(16), runtime: "docker", name: "shop-web-1" },
};
const curl: ProcessInfo = { pid: 20, ppid: 19, comm: "curl", uid: null };

const fits = (selection: ProcessSelection) => processSelector(selection, false)!(curl, nginx);

test.each<[ProcessSelection, boolean]>([
  [{ pid: [10] }, true],
  [{ pid: [20, 99] }, true],
  [{ pid: [11] }, false],
  [{ comm: ["nginx"] }, true],
  [{ comm: ["ngin"] }, false],
  [{ comm: ["ng*x"] }, true],
  [{ comm: ["*"] }, true],
  [{ comm: ["x*", "c*l"] }, true],
  [{ user: ["www-data"] }, true],
  [{ user: ["33"] }, true],
  [{ user: ["0"] }, false],
  [{ container: ["shop-web-1"] }, true],
  [{ container: ["shop-*-1"] }, true],
  [{ container: ["abcdab"] }, true],
  [{ container: ["bcd1"] }, false],
  // every condition has to hold for the same process
  [{ comm: ["nginx"], user: ["www-data"] }, true],
  [{ comm: ["curl"], user: ["www-data"] }, false],
  [{ follow: [9] }, true],
  [{ follow: [1] }, false],
])("%j: %s", (selection, expected) => {
  expect(fits(selection)).toBe(expected);
});

test("nothing asked for is no filter; nobody known fits nothing", () => {
  expect(processSelector({ pid: [] }, false)).toBeNull();
  expect(processSelector({ comm: ["*"] }, false)!(null, null)).toBe(false);
});

test("a family told by a capture file, whose parents are met first", () => {
  const selector = processSelector({ follow: [100] }, false)!;
  const process = (pid: number, ppid: number): ProcessInfo => ({ pid, ppid, comm: "x", uid: null });
  expect(selector(process(101, 100), null)).toBe(true);
  expect(selector(process(102, 101), null)).toBe(true);
  expect(selector(process(202, 201), null)).toBe(false);
});

test.skipIf(process.platform !== "linux")("a living grandchild is followed", async () => {
  const shell = spawn("sh", ["-c", "sleep 5 & echo $!; wait"], { stdio: ["ignore", "pipe", "ignore"] });
  const pid = await new Promise<number>((resolve) => shell.stdout.once("data", (text) => resolve(Number(text))));
  try {
    const child: ProcessInfo = { pid, ppid: shell.pid!, comm: "sleep", uid: 0 };
    expect(processSelector({ follow: [process.pid] }, true)!(child, null)).toBe(true);
    expect(processSelector({ follow: [pid] }, true)!({ ...child, pid: shell.pid!, ppid: process.pid }, null)).toBe(
      false,
    );
  } finally {
    process.kill(pid);
    shell.kill();
  }
});

test("pids of the command line", () => {
  expect(parsePid("4711", "--pid")).toBe(4711);
  for (const wrong of ["", "0", "-1", "1.5", "x", "99999999999"])
    expect(() => parsePid(wrong, "--pid")).toThrow(Trouble);
});

test("patterns agree with regular expressions", () => {
  const letter = fc.constantFrom("a", "b", "*");
  fc.assert(
    fc.property(
      fc.array(letter, { maxLength: 6 }),
      fc.array(fc.constantFrom("a", "b"), { maxLength: 8 }),
      (glob, text) => {
        const comm = text.join("");
        const expected = new RegExp(`^${glob.join("").replaceAll("*", ".*")}$`).test(comm);
        expect(processSelector({ comm: [glob.join("")] }, false)!({ ...curl, comm }, null)).toBe(expected);
      },
    ),
  );
});

test("a process of Node is found by its program's name as well as by the one of its main thread", () => {
  const node: ProcessInfo = { pid: 30, comm: "MainThread", exe: "/usr/local/bin/node", uid: null };
  const finds = (comm: string, process = node) => processSelector({ comm: [comm] }, false)!(process, null);
  expect([finds("node"), finds("MainThread"), finds("nod"), finds("no*")]).toEqual([true, true, false, true]);
  expect(finds("node", { ...node, comm: "worker" })).toBe(false);
});
