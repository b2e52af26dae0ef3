/** A run on live traffic as commands see it: in this thread (LiveRun), or in several (worker/worker-run.ts). */
import type { LiveRun } from "./live-run.ts";
import type { Session } from "./session.ts";

export type WatchedSession = Pick<Session, "ledger" | "pipeline" | "refilter" | "reredact" | "reopenFiles">;

export interface WatchedRun
  extends Pick<
    LiveRun,
    "place" | "capturing" | "attribution" | "elapsed_s" | "onTick" | "onCapture" | "start" | "stop" | "abandon"
  > {
  readonly session: WatchedSession;
}
