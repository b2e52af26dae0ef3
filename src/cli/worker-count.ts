/** `--workers` and `capture.workers`: how many threads a live run gets. */
import { availableParallelism } from "node:os";
import { EXIT, Trouble } from "../core/trouble.ts";
import { integer } from "./values.ts";
import type { WatchOptions } from "./watch.ts";

export type Workers = number | "auto";

const MOST = 64;
/** A worker that shares its processor with what it watches gains nothing; more than these were never tried. */
const PROCESSORS_PER_WORKER = 2;
const MOST_BY_ITSELF = 8;

/** `4`, or `auto`. */
export function workers(option: string): (text: string) => Workers {
  const read = integer(option, 1, MOST);
  return (text) => (text.trim() === "auto" ? "auto" : read(text));
}

/**
 * How many for this run. What needs one thread gets one, where a number was not asked for on the command line; there it
 * is refused with a Trouble.
 */
export function workerCount(options: WatchOptions, processors: number = availableParallelism()): number {
  const { workers: wanted = 1, settings } = options;
  if (wanted === 1) return 1;
  const single = whatNeedsOneThread(options);
  const asked = wanted !== "auto" && wanted !== settings?.capture.workers;
  if (single !== null && asked) {
    throw new Trouble(`--workers: ${single} in one thread only`, {
      exitCode: EXIT.usage,
      hint: "leave out --workers, or the other",
    });
  }
  if (single !== null) return 1;
  if (wanted !== "auto") return wanted;
  return Math.min(MOST_BY_ITSELF, Math.max(1, Math.floor(processors / PROCESSORS_PER_WORKER)));
}

/** What needs every packet, or code that cannot be sent to a thread. */
function whatNeedsOneThread({ settings, plugin = [], output = [], writePcapng }: WatchOptions): string | null {
  if (writePcapng !== undefined) return "--write-pcapng works";
  const plugins = plugin.length > 0 || (settings?.plugins.length ?? 0) > 0;
  return plugins || output.some((spec) => spec.startsWith("plugin:")) ? "plug-ins work" : null;
}
