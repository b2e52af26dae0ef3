/**
 * What this machine allows, as facts for `earshot doctor`: each was looked at or tried just now. Pure data; whoever
 * prints decides how. What could not be found out is null, never a guess.
 */
import { accessSync, constants, existsSync, readFileSync, readlinkSync, statfsSync } from "node:fs";
import { arch, freemem, release, totalmem } from "node:os";
import { captureTrouble, nodePath, permissionHint } from "./afpacket/errors.ts";
import { libpcapVersion } from "./afpacket/libpcap-filter.ts";
import { type Native, native } from "./afpacket/native.ts";

export interface Fact {
  /** Stable name: `kernel`, `packet-socket`, `capability.CAP_BPF`, … */
  readonly name: string;
  /** Whether it is as earshot would like it; null when it is only information, or unknown. */
  readonly ok: boolean | null;
  /** What was found, for a person. */
  readonly detail: string;
  /** What to do about it, when something can be done. */
  readonly fix: string | null;
}

const NODE_FLOOR = [22, 18] as const;
const MIB = 1 << 20;
const LITTLE_DISK = 1024 * MIB;
const LITTLE_MEMORY = 256 * MIB;

/** Looks at everything; takes some milliseconds. `folder` is where capture files and history would go. */
export function probe(folder: string = process.cwd()): Fact[] {
  const c = nativeOrError();
  const capabilities = effectiveCapabilities();
  return [
    kernel(),
    nodeVersion(),
    koffi(c),
    packetSocket(c),
    libpcap(c),
    ...Object.keys(CAPABILITIES).map((name) => capability(name, capabilities)),
    networkNamespace(),
    btf(),
    bpfSyscall(c),
    unprivilegedBpf(capabilities),
    lockdown(),
    tracefs(),
    perfParanoid(capabilities),
    otherProcesses(),
    cgroups(),
    disk(folder),
    memory(),
  ];
}

const fact = (name: string, ok: boolean | null, detail: string, fix: string | null = null): Fact => ({
  name,
  ok,
  detail,
  fix: ok === true ? null : fix,
});

function kernel(): Fact {
  const linux = process.platform === "linux";
  const detail = `${linux ? "Linux" : process.platform} ${release()} ${arch()}`;
  return fact("kernel", linux, detail, "Live capture needs Linux; capture files are read everywhere.");
}

function nodeVersion(): Fact {
  const [major, minor] = process.versions.node.split(".").map(Number);
  const enough = major > NODE_FLOOR[0] || (major === NODE_FLOOR[0] && minor >= NODE_FLOOR[1]);
  return fact("node", enough, `${process.version} at ${nodePath()}`, `Install Node ${NODE_FLOOR.join(".")} or newer.`);
}

function nativeOrError(): Native | Error {
  try {
    return native();
  } catch (error) {
    return error as Error;
  }
}

function koffi(c: Native | Error): Fact {
  if (!(c instanceof Error)) return fact("koffi", true, `version ${c.koffiVersion}`);
  return fact("koffi", false, c.message, "Install again without --omit=optional.");
}

const AF_PACKET = 17;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;

/** Tries what the capture does first. */
function packetSocket(c: Native | Error): Fact {
  const name = "packet-socket";
  if (c instanceof Error) return fact(name, null, "not tried: koffi is missing");
  if (process.platform !== "linux") return fact(name, false, "only Linux has packet sockets");
  const fd = c.socket(AF_PACKET, SOCK_RAW_CLOEXEC, 0);
  if (fd < 0) {
    const errno = c.errno();
    const { message, hint } = captureTrouble("socket", errno);
    return fact(name, false, `${message} (${errno})`, hint);
  }
  c.close(fd);
  return fact(name, true, "can be opened: live capture works");
}

function libpcap(c: Native | Error): Fact {
  const version = c instanceof Error ? null : libpcapVersion();
  if (version !== null) return fact("libpcap", true, version);
  return fact("libpcap", false, "not found; only --bpf needs it", "Debian, Ubuntu: apt-get install libpcap0.8");
}

/** Bit numbers of linux/capability.h, and what earshot does with each. */
const CAPABILITIES: Record<string, { readonly bit: number; readonly use: string }> = {
  CAP_NET_RAW: { bit: 13, use: "live capture" },
  CAP_BPF: { bit: 39, use: "exact owner of each connection" },
  CAP_PERFMON: { bit: 38, use: "exact owner of each connection" },
  CAP_SYS_ADMIN: { bit: 21, use: "perf probes, other namespaces" },
  CAP_SYS_PTRACE: { bit: 19, use: "processes of other users" },
};

/** setcap replaces what was given before, so the one command names everything that earshot can use. */
function fullPrivilege(): string {
  return permissionHint(Object.keys(CAPABILITIES).filter((name) => name !== "CAP_NET_RAW"));
}

/** From /proc/self/status; null where there is none. */
function effectiveCapabilities(): bigint | null {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(readText("/proc/self/status") ?? "")?.[1];
  return mask === undefined ? null : BigInt(`0x${mask}`);
}

function has(capabilities: bigint | null, name: string): boolean | null {
  return capabilities === null ? null : ((capabilities >> BigInt(CAPABILITIES[name].bit)) & 1n) === 1n;
}

function capability(name: string, capabilities: bigint | null): Fact {
  const held = has(capabilities, name);
  const state = held === null ? "unknown" : held ? "held" : "not held";
  return fact(`capability.${name}`, held, `${state} (${CAPABILITIES[name].use})`, fullPrivilege());
}

/** A container sees only its own traffic, which surprises people. */
function networkNamespace(): Fact {
  const own = readLink("/proc/self/ns/net");
  const first = readLink("/proc/1/ns/net");
  if (own === null || first === null) return fact("network-namespace", null, own ?? "unknown");
  const same = own === first;
  const detail = same ? `${own}, that of process 1` : `${own}, not that of process 1 (${first})`;
  return fact(
    "network-namespace",
    same,
    detail,
    "Only this namespace's traffic is seen: start on the host to see all.",
  );
}

function btf(): Fact {
  const there = existsSync("/sys/kernel/btf/vmlinux");
  const detail = there ? "/sys/kernel/btf/vmlinux" : "no /sys/kernel/btf/vmlinux";
  return fact("btf", there, detail, "Needs a kernel with CONFIG_DEBUG_INFO_BTF, else owners come from /proc.");
}

/** bpf(2) has a number of its own on each architecture. */
const BPF_SYSCALL: Record<string, number> = { x64: 321, arm64: 280, riscv64: 280, loong64: 280, ppc64: 361, arm: 386 };
const BPF_MAP_CREATE = 0;
const BPF_MAP_TYPE_ARRAY = 2;

/** Makes a map with one entry and closes it again. */
function bpfSyscall(c: Native | Error): Fact {
  const number = BPF_SYSCALL[arch()];
  if (c instanceof Error || number === undefined || process.platform !== "linux") {
    return fact("bpf-syscall", null, "not tried");
  }
  const attributes = new Uint8Array(120);
  attributes.set(new Uint8Array(Uint32Array.of(BPF_MAP_TYPE_ARRAY, 4, 4, 1).buffer));
  const fd = c.syscall(number, BPF_MAP_CREATE, attributes, attributes.length);
  if (fd < 0) return fact("bpf-syscall", false, `refused: ${c.errno()}`, fullPrivilege());
  c.close(fd);
  return fact("bpf-syscall", true, "allowed");
}

function unprivilegedBpf(capabilities: bigint | null): Fact {
  const path = "/proc/sys/kernel/unprivileged_bpf_disabled";
  const value = readText(path);
  if (value === null) return fact("unprivileged-bpf", null, `no ${path}`);
  const meaning = value === "0" ? "everybody may use bpf" : "bpf needs CAP_BPF";
  const privileged = has(capabilities, "CAP_BPF") || has(capabilities, "CAP_SYS_ADMIN");
  return fact("unprivileged-bpf", value === "0" || privileged, `${value}: ${meaning}`, fullPrivilege());
}

function lockdown(): Fact {
  const state = /\[(\w+)\]/.exec(readText("/sys/kernel/security/lockdown") ?? "")?.[1];
  if (state === undefined) return fact("lockdown", null, "unknown: no /sys/kernel/security/lockdown");
  return fact(
    "lockdown",
    state !== "confidentiality",
    state,
    "In this mode the kernel refuses programs that read memory.",
  );
}

function tracefs(): Fact {
  const places = ["/sys/kernel/tracing/events", "/sys/kernel/debug/tracing/events"];
  const found = places.find((path) => may(path, constants.R_OK));
  if (found !== undefined) return fact("tracefs", true, found);
  return fact(
    "tracefs",
    false,
    "not mounted, or not readable",
    "mount -t tracefs tracefs /sys/kernel/tracing (as root)",
  );
}

function perfParanoid(capabilities: bigint | null): Fact {
  const value = readText("/proc/sys/kernel/perf_event_paranoid");
  if (value === null) return fact("perf-events", null, "unknown: no /proc/sys/kernel/perf_event_paranoid");
  const privileged = has(capabilities, "CAP_PERFMON") || has(capabilities, "CAP_SYS_ADMIN");
  return fact("perf-events", privileged || Number(value) < 0, `perf_event_paranoid is ${value}`, fullPrivilege());
}

/** To find the owner of a socket its process's descriptors have to be read. */
function otherProcesses(): Fact {
  if (process.platform !== "linux") return fact("other-processes", null, "unknown: no /proc");
  const readable = may("/proc/1/fd", constants.R_OK);
  const detail = readable ? "descriptors of other users' processes can be read" : "only our own processes can be read";
  return fact("other-processes", readable, detail, "Start as root to see the process at each end of every flow.");
}

function cgroups(): Fact {
  if (existsSync("/sys/fs/cgroup/cgroup.controllers")) return fact("cgroup", true, "version 2");
  if (existsSync("/sys/fs/cgroup/memory")) return fact("cgroup", true, "version 1");
  return fact("cgroup", null, "none found at /sys/fs/cgroup");
}

function disk(folder: string): Fact {
  try {
    const { bavail, bsize } = statfsSync(folder);
    const free = bavail * bsize;
    return fact(
      "disk",
      free >= LITTLE_DISK,
      `${inMib(free)} free in ${folder}`,
      "Free some space before keeping history.",
    );
  } catch {
    return fact("disk", null, `unknown: ${folder} cannot be looked at`);
  }
}

function memory(): Fact {
  const available = /^MemAvailable:\s+(\d+) kB$/m.exec(readText("/proc/meminfo") ?? "")?.[1];
  const free = available === undefined ? freemem() : Number(available) * 1024;
  const limit = readText("/sys/fs/cgroup/memory.max");
  const limited = limit !== null && /^\d+$/.test(limit) ? `, limited to ${inMib(Number(limit))} by its cgroup` : "";
  const detail = `${inMib(free)} available of ${inMib(totalmem())}${limited}`;
  return fact("memory", free >= LITTLE_MEMORY, detail, "Give a smaller --buffer, or free some memory.");
}

const inMib = (octets: number) => `${Math.floor(octets / MIB)} MiB`;

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return null;
  }
}

function readLink(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

function may(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
