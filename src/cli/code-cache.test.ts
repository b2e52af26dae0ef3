import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { cacheFolder } from "./code-cache.ts";

const top = mkdtempSync(join(tmpdir(), "earshot-code-cache-"));
afterAll(() => rmSync(top, { recursive: true }));
let home = "";
let number = 0;
beforeEach(() => {
  home = join(top, String(number++));
  mkdirSync(home, { mode: 0o755 });
});

describe("the folder", () => {
  test("is in the user's cache, made for the user alone", () => {
    const folder = cacheFolder({ HOME: home });
    expect(folder).toBe(join(home, ".cache", "earshot"));
    expect(statSync(folder!).mode & 0o777).toBe(0o700);
    expect(cacheFolder({ HOME: home })).toBe(folder);
    expect(cacheFolder({ HOME: "/nowhere", XDG_CACHE_HOME: home })).toBe(join(home, "earshot"));
  });

  test("is none where Node was told to keep nothing, or there is no home", () => {
    expect(cacheFolder({ HOME: home, NODE_DISABLE_COMPILE_CACHE: "1" })).toBeNull();
    expect([cacheFolder({}), cacheFolder({ HOME: "" }), cacheFolder({ HOME: "home" })]).toEqual([null, null, null]);
    expect(cacheFolder({ HOME: join(home, "gone") })).toBeNull();
    expect(existsSync(join(home, "gone"))).toBe(false);
  });

  test("is none that others may write to, or that is a link", () => {
    chmodSync(home, 0o777);
    expect(cacheFolder({ HOME: home })).toBeNull();
    chmodSync(home, 0o755);
    mkdirSync(join(home, "earshot"));
    chmodSync(join(home, "earshot"), 0o770);
    expect(cacheFolder({ XDG_CACHE_HOME: home })).toBeNull();
    rmSync(join(home, "earshot"), { recursive: true });
    symlinkSync(top, join(home, "earshot"));
    expect(cacheFolder({ XDG_CACHE_HOME: home })).toBeNull();
  });

  test.skipIf(process.geteuid?.() !== 0)("is none of another user: sudo keeps HOME (needs root)", () => {
    chownSync(home, 65534, 65534);
    expect(cacheFolder({ HOME: home })).toBeNull();
    expect(existsSync(join(home, ".cache"))).toBe(false);
    expect(cacheFolder({ XDG_CACHE_HOME: home })).toBeNull();
  });
});

describe("code", () => {
  const module = new URL("code-cache.ts", import.meta.url).href;
  const kept = () => join(home, "earshot", `read-b1-${process.version}.code`);

  /** Runs a script of ours as a program would; gives what it wrote. */
  function run(text: string, after = "", command: string | null = "read"): string {
    const script = join(home, "script.js");
    writeFileSync(script, text);
    const program = `
      import { compiled } from ${JSON.stringify(module)};
      compiled(${JSON.stringify(script)}, "b1", ${JSON.stringify(command)})((line) => console.log(line));
      ${after}`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
      encoding: "utf8",
      env: { PATH: process.env.PATH, XDG_CACHE_HOME: home, NODE_NO_WARNINGS: "1" },
    });
    return stdout + stderr;
  }

  /** True when the file is still the one that was there. */
  function unchanged(act: () => void): boolean {
    utimesSync(kept(), 1, 1);
    act();
    return statSync(kept()).mtimeMs === 1000;
  }

  const HELLO = `(function (tell) { function inner() { tell("hello"); } inner(); })`;

  test("is kept at the end of the first run, for the user alone, and used by the next", () => {
    expect(run(HELLO)).toBe("hello\n");
    expect(statSync(kept()).mode & 0o777).toBe(0o600);
    expect(unchanged(() => expect(run(HELLO)).toBe("hello\n"))).toBe(true);
  });

  test("is kept soon in a run that goes on, not of one that fails, nor of what is no command", () => {
    run(HELLO, "process.exitCode = 2");
    run(HELLO, "", null);
    expect(existsSync(kept())).toBe(false);
    run(HELLO, "setTimeout(() => process.exit(1), 1500)");
    expect(existsSync(kept())).toBe(true);
  });

  test("of others, cut, of another Node or of another script is made anew", () => {
    run(HELLO);
    const good = readFileSync(kept());
    expect(unchanged(() => run(HELLO))).toBe(true);
    chmodSync(kept(), 0o666);
    expect(unchanged(() => expect(run(HELLO)).toBe("hello\n"))).toBe(false);
    for (const bad of [good.subarray(0, good.length - 100), Buffer.alloc(good.length), Buffer.alloc(0)]) {
      writeFileSync(kept(), bad);
      expect(unchanged(() => expect(run(HELLO)).toBe("hello\n"))).toBe(false);
    }
    writeFileSync(kept(), Buffer.from(good.toString("latin1").replace(process.version, "v99.0.00"), "latin1"));
    expect(unchanged(() => run(HELLO))).toBe(false);
    // V8 looks at the length of the text
    const other = HELLO.replace("hello", "good day");
    expect(unchanged(() => expect(run(other)).toBe("good day\n"))).toBe(false);
  });

  test("of many builds does not pile up", () => {
    const folder = join(home, "earshot");
    mkdirSync(folder, { mode: 0o700 });
    for (let build = 0; build < 40; build++) {
      writeFileSync(join(folder, `read-${build}.code`), "");
      utimesSync(join(folder, `read-${build}.code`), build, build);
    }
    run(HELLO);
    expect(existsSync(kept())).toBe(true);
    expect(existsSync(join(folder, "read-39.code"))).toBe(true);
    expect(existsSync(join(folder, "read-8.code"))).toBe(false);
  });

  test("cannot be kept: the run is as good", () => {
    writeFileSync(join(home, "earshot"), "a file in its place");
    expect(run(HELLO)).toBe("hello\n");
  });
});
