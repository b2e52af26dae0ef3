/**
 * The kernel's side of tiers A and B: loads and attaches the programs of owner.bpf.c and lists the sockets that are older
 * than they are. Opened once; what threads need to read what it reports is plain data (`handle`).
 */
import { existsSync } from "node:fs";
import type { SystemCalls } from "../system-calls.ts";
import type { KernelSide } from "../tier.ts";
import { BpfError, LightSkeleton, readBlob } from "./light-skeleton.ts";
import { SOCKET_RECORD_LENGTH } from "./record.ts";
import { explainRefusal } from "./refusal.ts";

const RING_BYTES = 4 << 20;

const PROGRAMS = {
  A: ["on_state", "on_send", "on_receive"],
  B: ["on_state", "on_send", "on_send6", "on_receive", "on_receive6"],
} as const;

/** Descriptors are the process's: every thread may use them while the programs are open. */
export interface BpfHandle {
  readonly tier: "A" | "B";
  /** Descriptor of the ring buffer, and of the counter of what it had no room for. */
  readonly ring: number;
  readonly lost: number;
  readonly ringSize_bytes: number;
  /** Socket records, one behind the other. */
  readonly oldSockets: Uint8Array;
}

/**
 * Throws an Error whose message says in a few words why the kernel does not run it. The ring's size is a power of two and
 * whole pages.
 */
export function openBpfPrograms(tier: "A" | "B", calls: SystemCalls, ringSize_bytes = RING_BYTES): KernelSide {
  const skeleton = loadAndAttach(tier, calls, ringSize_bytes);
  try {
    // the programs run already: what opens while the old sockets are listed is told by both, and events win
    const oldSockets = listOldSockets(skeleton);
    const handle = { tier, ring: skeleton.map("ring"), lost: skeleton.map("lost"), ringSize_bytes, oldSockets };
    return { handle, close: () => skeleton.close() };
  } catch (error) {
    skeleton.close();
    throw error;
  }
}

function listOldSockets(skeleton: LightSkeleton): Uint8Array {
  const records: Buffer[] = [];
  skeleton.iterate("old_sockets", SOCKET_RECORD_LENGTH, (bytes) => records.push(Buffer.from(bytes)));
  return Buffer.concat(records);
}

function loadAndAttach(tier: "A" | "B", calls: SystemCalls, ring: number): LightSkeleton {
  if (!existsSync("/sys/kernel/btf/vmlinux")) throw new Error("the kernel has no BTF (CONFIG_DEBUG_INFO_BTF)");
  const skeleton = new LightSkeleton(calls);
  try {
    skeleton.load(readBlob(new URL(`./blobs/owner-${tier.toLowerCase()}.blob`, import.meta.url)), { ring });
    for (const name of PROGRAMS[tier]) skeleton.attach(name);
    return skeleton;
  } catch (error) {
    skeleton.close();
    throw error instanceof BpfError ? new Error(explainRefusal(tier, error)) : error;
  }
}
