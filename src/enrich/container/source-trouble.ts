/** Why a place that knows containers could not be asked, in words; and how long and how much it may answer. */
import { textOf } from "./runtime-answer.ts";

/** Of one answer; a container's own is of some kilobytes. */
export const MAX_ANSWER_BYTES = 1 << 20;
/** Of a list of all containers. */
export const MAX_LIST_BYTES = 8 << 20;
/** For everything that is asked of one place about one container. */
export const TIMEOUT_MS = 2_000;

/** In a few words, without the place. */
export class SourceTrouble extends Error {
  /** There is no such runtime on this host: nothing is wrong with that. */
  readonly absent: boolean;

  constructor(message: string, absent = false) {
    super(message);
    this.absent = absent;
  }
}

const WORDS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  ECONNREFUSED: "nobody listens there",
  ECONNRESET: "it hung up",
  EPIPE: "it hung up",
  ENOTSOCK: "not a socket",
};

/** An error of the system, in words. */
export function troubleOf(error: NodeJS.ErrnoException): SourceTrouble {
  if (error instanceof SourceTrouble) return error;
  const { code = "" } = error;
  if (code === "ENOENT" || code === "ENOTDIR") return new SourceTrouble("not there", true);
  if (code.startsWith("ERR_HTTP2") || code.startsWith("HPE_")) return new SourceTrouble("it does not speak gRPC");
  return new SourceTrouble(WORDS[code] ?? textOf(error.message) ?? "it failed");
}
