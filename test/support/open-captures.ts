/** Which captures are open, as the kernel tells: a test sends its traffic when all of it will be seen. */
import { spawnSync } from "node:child_process";

/** Sockets of packets that this process has and that let some pass; `prefix` asks elsewhere, e.g. `ip netns exec NAME`. */
export function openCaptures(pid: number, prefix: readonly string[] = []): number {
  const [program, ...words] = [...prefix, "ss", "-0", "-n", "-p", "-b", "-H"];
  const { stdout } = spawnSync(program, words, { encoding: "utf8" });
  // a filter of one instruction lets nothing pass: so it is while everything else opens
  const sockets = [...stdout.matchAll(/users:\((.*)\)\n\s+bpf filter \((\d+)\)/g)];
  return sockets.filter(([, users, length]) => users.includes(`pid=${pid},`) && Number(length) > 1).length;
}
