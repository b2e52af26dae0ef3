import { expect, test } from "vitest";
import { errorName } from "../system-calls.ts";
import { BpfError } from "./light-skeleton.ts";
import { type Circumstances, explainRefusal } from "./refusal.ts";

const ALL = "CapEff:\t000001ffffffffff\n";
const NONE = "CapEff:\t0000000000000000\n";
const DOCKER = "CapEff:\t00000000a80425fb\n";
const ROOT: Circumstances = { root: true, kernel: "5.15.0-91-generic", status: ALL, lockdown: null };
const CONFIDENTIAL = "none integrity [confidentiality]\n";

test.each<[string, "A" | "B", number, Partial<Circumstances>, string]>([
  ["a user", "A", 1, { root: false, status: NONE }, "not permitted: needs root, or CAP_BPF and CAP_PERFMON"],
  ["root of a container", "B", 1, { status: DOCKER }, "root lacks CAP_BPF and CAP_PERFMON here, as in a container"],
  [
    "root of a kernel that refuses trampolines",
    "B",
    1,
    {},
    "the kernel refuses it in spite of our rights (load: EPERM): a seccomp filter, a security module, or a kernel without that kind of program",
  ],
  [
    "locked down: helpers that read memory are not known",
    "A",
    22,
    { lockdown: CONFIDENTIAL },
    "the kernel is locked down (lockdown=confidentiality), which forbids eBPF to read its memory",
  ],
  [
    "integrity alone does not matter",
    "A",
    2,
    { lockdown: "none [integrity] confidentiality\n" },
    "the kernel (5.15.0-91-generic) lacks what came with Linux 6.3 (load: ENOENT)",
  ],
  ["older", "B", 22, {}, "the kernel (5.15.0-91-generic) lacks what came with Linux 5.17 (load: EINVAL)"],
  ["arguments not known", "A", 7, {}, "the kernel (5.15.0-91-generic) lacks what came with Linux 6.3 (load: E2BIG)"],
  [
    "the limit of locked memory of old kernels",
    "B",
    1,
    { kernel: "5.10.0-46-amd64" },
    "the kernel (5.10.0-46-amd64) lacks what came with Linux 5.17 (load: EPERM)",
  ],
  [
    "no trampolines on arm64",
    "B",
    524,
    { kernel: "6.1.0-56-arm64" },
    "the kernel (6.1.0-56-arm64) has no such eBPF for this processor (load: ENOTSUPP)",
  ],
  ["no bpf(2)", "A", 38, {}, "no bpf(2): the kernel is built without it, or a seccomp filter hides it"],
  ["no memory", "A", 12, {}, "the kernel (5.15.0-91-generic) cannot run it (load: ENOMEM)"],
  [
    "rights not told",
    "A",
    13,
    { status: null },
    "the kernel refuses it in spite of our rights (load: EACCES): a seccomp filter, a security module, or a kernel without that kind of program",
  ],
])("%s", (_, tier, errno, facts, said) => {
  const error = new BpfError("load", errno);
  expect(error.message).toBe(`load: ${errorName(errno)}`);
  expect(explainRefusal(tier, error, { ...ROOT, ...facts })).toBe(said);
});
