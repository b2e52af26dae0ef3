/** One virtual machine in software emulation (no /dev/kvm needed), from boot to power-off, with what it said. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Target } from "./list.ts";

export interface Boot {
  readonly target: Target;
  readonly kernel: string;
  readonly initramfs: string;
  readonly limit_s: number;
  /** One line of the console; those that start with `@@` are results. */
  readonly onLine: (line: string) => void;
}

const MEMORY = "2048M";
const PROCESSORS = "2";

export const EMULATOR = { amd64: "qemu-system-x86_64", arm64: "qemu-system-aarch64" } as const;
const MACHINE = {
  amd64: ["-machine", "pc", "-cpu", "max"],
  arm64: ["-machine", "virt,gic-version=3", "-cpu", "cortex-a76"],
} as const;
const CONSOLE = { amd64: "ttyS0", arm64: "ttyAMA0" } as const;

/** Boots and waits for the end; false when the machine had to be stopped at the limit. */
export async function boot({ target, kernel, initramfs, limit_s, onLine }: Boot): Promise<boolean> {
  const { architecture } = target;
  // panic=-1 with -no-reboot: a kernel that gives up ends the machine
  const parameters = `console=${CONSOLE[architecture]} rdinit=/init quiet loglevel=3 panic=-1 mitigations=off ${target.boot ?? ""}`;
  const child = spawn(
    EMULATOR[architecture],
    [
      ...MACHINE[architecture],
      ...["-accel", "tcg,thread=multi", "-smp", PROCESSORS, "-m", MEMORY, "-no-reboot", "-nodefaults", "-nic", "none"],
      ...["-display", "none", "-monitor", "none", "-serial", "stdio"],
      ...["-kernel", kernel, "-initrd", initramfs, "-append", parameters],
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let late = false;
  const deadline = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, limit_s * 1000);
  const stop = () => void child.kill("SIGKILL");
  process.once("exit", stop);
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", onLine);
  await once(child, "close");
  clearTimeout(deadline);
  process.removeListener("exit", stop);
  return !late;
}
