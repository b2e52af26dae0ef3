/** What the main thread and its capture workers tell each other: plain data, and octets that change their owner. */
import type { Ledger } from "../../core/ledger.ts";
import type { Micros } from "../../core/units.ts";
import type { SharedOwners } from "../../enrich/attribution.ts";
import type { RedactOptions } from "../../redact/schema.ts";
import type { LiveCaptureOptions } from "../../source/afpacket/live-capture.ts";
import type { Choosing, WrittenFilters } from "../choosing.ts";
import type { Counted, Counter } from "./counters.ts";

/** What is the same for every worker of a run. */
export interface ShardSettings {
  readonly capture: Omit<LiveCaptureOptions, "tick" | "fanout" | "closed" | "unwoken">;
  readonly runtimeSockets?: readonly string[];
  readonly redact: RedactOptions;
  readonly choosing: Choosing;
  readonly captureRequest: boolean;
  readonly captureResponse: boolean;
  readonly minLatency_ms: number;
  readonly maxBodyBytes: number;
  /** What is to be counted here; nothing where exchanges are wanted. */
  readonly counters?: readonly Counter[];
  /** Exchanges are wanted; false where only the ledger and counters are. */
  readonly lines: boolean;
}

/** One worker's own. */
export interface ShardData extends ShardSettings {
  /** From 0. */
  readonly index: number;
  readonly count: number;
  /** Path of the program, for lines that tell how to run it again. */
  readonly program: string;
}

export type PlainLedger = ReturnType<Ledger["toJSON"]>;

export type ToShard =
  /** Open the capture, shut, as a member of this fanout group. */
  | { readonly kind: "join"; readonly group: number | "new" }
  /** Open everything else; owners are read from what the main thread has in the kernel for all. */
  | { readonly kind: "connect"; readonly owners: SharedOwners }
  /** Let packets pass into the ring, and say so. */
  | { readonly kind: "open" }
  /** Read them. */
  | { readonly kind: "start" }
  /** Other names to redact from now on. */
  | { readonly kind: "reredact"; readonly redact: Omit<RedactOptions, "reveal"> }
  /** Other filters from now on. */
  | { readonly kind: "refilter"; readonly filters: WrittenFilters }
  /** Let nothing more pass, and say so. */
  | { readonly kind: "shut" }
  /** Hand over what is there, close, end. */
  | { readonly kind: "stop" }
  /** A batch was taken: there is room for another. */
  | { readonly kind: "taken" };

export type FromShard =
  /** The capture is open and in this group. */
  | { readonly kind: "member"; readonly group: number }
  /** Everything else is, too. */
  | { readonly kind: "ready"; readonly place: string; readonly capturing: string; readonly attribution: string }
  /** Trouble at opening: to be thrown in the main thread. */
  | { readonly kind: "failed"; readonly message: string; readonly hint: string; readonly exitCode: number }
  | { readonly kind: "opened" }
  | { readonly kind: "notice"; readonly line: string }
  /** `count` whole lines of JSON, one event each. */
  | { readonly kind: "lines"; readonly bytes: Uint8Array<ArrayBuffer>; readonly count: number }
  /** What was counted since the last of these. */
  | { readonly kind: "counted"; readonly counted: readonly Counted[] }
  /** The worker's whole ledger, and how far capture time has come; null before that is known. */
  | {
      readonly kind: "progress";
      readonly ledger: PlainLedger;
      readonly reached: Micros | null;
      /** How processes are found, and what is known of containers by now. */
      readonly attribution: string;
    }
  /** The interfaces went down or came back: of the first worker only, since all see the same. */
  | {
      readonly kind: "capture";
      readonly state: "up" | "down";
      readonly now: Micros;
      readonly reason: string | null;
    }
  | { readonly kind: "shut" }
  | { readonly kind: "ended" };
