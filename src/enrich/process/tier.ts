/** What a tier of attribution does, and what the better ones tell besides. */
import type { Flow } from "../../core/flow.ts";
import type { Micros } from "../../core/units.ts";
import type { BpfHandle } from "./ebpf/bpf-programs.ts";
import type { PerfHandle } from "./perf/perf-events.ts";

/** Where an exchange's time went in the server's kernel and process. */
export interface KernelTimes {
  /** Last request octet on the wire to the read that took it. */
  readonly requestWait: Micros;
  /** That read to the first write of the response. */
  readonly process: Micros;
  /** That write to the first response octet on the wire. */
  readonly responseWait: Micros;
}

/** What a tier does. */
export interface Tier {
  opened(flow: Flow): void;
  used(flow: Flow): void;
  drain?(): void;
  kernelTimes?(flow: Flow, requestEnd: Micros, responseStart: Micros): KernelTimes | null;
  close(): void;
}

/** What a thread needs to read what the kernel reports: plain data, good in the whole process. */
export type KernelHandle = BpfHandle | PerfHandle;

/** What a tier has in the kernel: opened once, whoever reads it. */
export interface KernelSide {
  readonly handle: KernelHandle;
  /** Call when nobody reads any more. */
  close(): void;
}
