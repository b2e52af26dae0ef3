/**
 * Before and after a whole test run (vitest's globalSetup): everything temporary lies in one folder that goes at the end,
 * and what a run that was killed has left behind goes at the start of the next: its folder, its network namespaces.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const NAMESPACES = "/run/netns";

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

/** Names of a folder that end in the number of a process which is no more. */
function leftIn(folder: string, pattern: RegExp): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => {
    const pid = pattern.exec(name)?.[1];
    return pid !== undefined && isGone(Number(pid));
  });
}

/** The folder may be somebody else's. */
function remove(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    process.stderr.write(`not removed: ${folder} (${(error as Error).message})\n`);
  }
}

export default function setup(): () => void {
  const outer = tmpdir();
  for (const name of leftIn(outer, /^earshot-(?:test|rt)-(\d+)$/)) remove(join(outer, name));
  for (const name of leftIn(NAMESPACES, /^earshot-[a-z]+-(\d+)$/)) {
    spawnSync("ip", ["netns", "del", name], { stdio: "ignore" });
  }
  const folder = join(outer, `earshot-test-${process.pid}`);
  mkdirSync(folder);
  // servers in tests run as users of their own
  chmodSync(folder, 0o1777);
  const before = process.env["TMPDIR"];
  process.env["TMPDIR"] = folder;
  // for what needs a short path: earshot-rt-PID
  process.env["EARSHOT_TEST_OUTER"] = outer;
  // also when somebody stops the run
  process.once("exit", () => remove(folder));
  return () => {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
    remove(folder);
  };
}
