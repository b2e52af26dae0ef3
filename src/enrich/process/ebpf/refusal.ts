/**
 * In a few words for the user: why the kernel did not take the programs of a tier. What is said is what was looked up:
 * the error of bpf(2), our own rights, lockdown; the version of the kernel is only named, because distributions bring
 * newer parts into older kernels.
 */
import { release } from "node:os";
import { isConfidential, readLockdown } from "../lockdown.ts";
import { readText } from "../proc-files.ts";
import { ERRNO } from "../system-calls.ts";
import type { BpfError } from "./light-skeleton.ts";

const CAP_SYS_ADMIN = 21n;
const CAP_PERFMON = 38n;
const CAP_BPF = 39n;
const NEEDED = { A: "6.3", B: "5.17" } as const;

/** What is looked up, so that tests can tell another machine's. */
export interface Circumstances {
  readonly root: boolean;
  readonly kernel: string;
  /** /proc/self/status */
  readonly status: string | null;
  /** /sys/kernel/security/lockdown */
  readonly lockdown: string | null;
}

export function circumstances(): Circumstances {
  return {
    root: process.getuid?.() === 0,
    kernel: release(),
    status: readText("/proc/self/status"),
    lockdown: readLockdown(),
  };
}

export function explainRefusal(tier: "A" | "B", { errno, message }: BpfError, facts = circumstances()): string {
  const denied = errno === ERRNO.EPERM || errno === ERRNO.EACCES;
  // without the right to read kernel memory the kernel does not know the helpers that do: EINVAL
  if (isConfidential(facts.lockdown) && (denied || errno === ERRNO.EINVAL)) {
    return "the kernel is locked down (lockdown=confidentiality), which forbids eBPF to read its memory";
  }
  // before 5.11 maps counted against the limit of locked memory, and no tier runs there anyway
  if (denied && !isOlder(facts.kernel, 5, 11)) return explainDenial(message, facts);
  if (errno === ERRNO.ENOSYS) return "no bpf(2): the kernel is built without it, or a seccomp filter hides it";
  if (errno === ERRNO.ENOTSUPP) return `the kernel (${facts.kernel}) has no such eBPF for this processor (${message})`;
  // E2BIG: bpf(2) has an argument that the kernel does not know yet
  const lacks = denied || [ERRNO.ENOENT, ERRNO.EINVAL, ERRNO.E2BIG].some((one) => one === errno);
  if (!lacks) return `the kernel (${facts.kernel}) cannot run it (${message})`;
  return `the kernel (${facts.kernel}) lacks what came with Linux ${NEEDED[tier]} (${message})`;
}

function explainDenial(message: string, { root, status }: Circumstances): string {
  if (mayUseBpf(status) === false) {
    return root
      ? "root lacks CAP_BPF and CAP_PERFMON here, as in a container"
      : "not permitted: needs root, or CAP_BPF and CAP_PERFMON";
  }
  return `the kernel refuses it in spite of our rights (${message}): a seccomp filter, a security module, or a kernel without that kind of program`;
}

function isOlder(kernel: string, major: number, minor: number): boolean {
  const [ours, its] = kernel.split(".").map((part) => Number.parseInt(part, 10));
  return ours < major || (ours === major && its < minor);
}

/** Effective capabilities; null when they are not told. */
function mayUseBpf(status: string | null): boolean | null {
  const effective = /^CapEff:\s*([0-9a-f]{1,16})$/m.exec(status ?? "")?.[1];
  if (effective === undefined) return null;
  const has = (capability: bigint) => ((BigInt(`0x${effective}`) >> capability) & 1n) === 1n;
  return has(CAP_SYS_ADMIN) || (has(CAP_BPF) && has(CAP_PERFMON));
}
