/** A run on live traffic as commands see it: in this thread (LiveRun), or in several (worker/worker-run.ts). */
import type { WrittenFilters } from "./choosing.ts";
import type { LiveRun } from "./live-run.ts";
import type { EventTest, Session } from "./session.ts";

export interface WatchedSession extends Pick<Session, "ledger" | "pipeline" | "reredact" | "reopenFiles"> {
  /** `written`: the same as text, for other threads. */
  refilter(filters: readonly EventTest[], written: WrittenFilters): void;
}

export interface WatchedRun
  extends Pick<
    LiveRun,
    "place" | "capturing" | "attribution" | "elapsed_s" | "onTick" | "onCapture" | "start" | "stop" | "abandon"
  > {
  readonly session: WatchedSession;
}
