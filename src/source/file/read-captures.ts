/**
 * Reads one capture, or several merged by time, without holding the event loop for long. One file costs no merging; of
 * several, only those whose turn it is are open, so that a thousand rotated files need no more than one.
 */
import { Ledger } from "../../core/ledger.ts";
import type { CaptureInterface, PacketHandler } from "../../core/packet.ts";
import { EXIT, Trouble } from "../../core/trouble.ts";
import type { Micros } from "../../core/units.ts";
import {
  type CaptureFile,
  type CaptureFileSummary,
  type CaptureProblem,
  type CaptureProgress,
  openCapture,
  type RunOptions,
} from "./capture-file.ts";
import { canBeReopened, STANDARD_INPUT } from "./input.ts";

/** Longest stretch of work between two turns of the event loop. */
const TURN_MS = 50;
/** Each file that is open in a merge has a window of its own. */
const MERGE_WINDOW_BYTES = 256 * 1024;

export interface ReadOptions extends RunOptions {
  readonly ledger: Ledger;
  readonly onProblem?: (problem: CaptureProblem) => void;
  /** Called about every 50 ms while reading, and once at the end. */
  readonly onProgress?: (progress: CaptureProgress) => void;
}

export interface CaptureSummary {
  /** In the order given. */
  readonly files: readonly CaptureFileSummary[];
  readonly packets: number;
  readonly bytes: number;
  /** Earliest and latest packet; null when there was none. */
  readonly firstTime: Micros | null;
  readonly lastTime: Micros | null;
  readonly interfaces: readonly CaptureInterface[];
  readonly problems: readonly CaptureProblem[];
  /** The signal ended it before the files were read. */
  readonly aborted: boolean;
}

/**
 * Reads captures (`-` is standard input) into the handler, merged by time. Throws Trouble, before the first packet,
 * when one of them is no capture; whatever is wrong further in is a problem in the summary.
 */
export async function readCaptures(
  paths: readonly string[],
  handler: PacketHandler,
  options: ReadOptions,
): Promise<CaptureSummary> {
  if (paths.filter((path) => path === STANDARD_INPUT).length > 1) {
    throw new Trouble("standard input can be read only once", { exitCode: EXIT.usage, hint: "name - a single time" });
  }
  return new CaptureMerge(paths, handler, options).run();
}

/** A file that waits for its turn: its first packet has this time. */
interface Waiting {
  readonly path: string;
  readonly place: number;
  readonly firstTime: Micros;
}

interface Active {
  readonly file: CaptureFile;
  readonly place: number;
  /** `file.raw` holds the file's next packet. */
  ready: boolean;
}

class CaptureMerge {
  private readonly paths: readonly string[];
  private readonly handler: PacketHandler;
  private readonly options: ReadOptions;
  private readonly active: Active[] = [];
  /** Soonest first. */
  private waiting: Waiting[] = [];
  private readonly summaries: { readonly place: number; readonly summary: CaptureFileSummary }[] = [];
  private totalBytes: number | null = 0;
  private finishedBytes = 0;
  private finishedPackets = 0;
  private nextInterfaceId = 0;
  private turnStarted = performance.now();

  constructor(paths: readonly string[], handler: PacketHandler, options: ReadOptions) {
    this.paths = paths;
    this.handler = handler;
    this.options = options;
  }

  async run(): Promise<CaptureSummary> {
    const stop = () => {
      for (const { file } of this.active) file.close();
    };
    this.options.signal?.addEventListener("abort", stop, { once: true });
    try {
      for (const [place, path] of this.paths.entries()) await this.open(path, place);
      // a stable sort: of equal times the file named first comes first
      this.waiting.sort((a, b) => a.firstTime - b.firstTime);
      while (await this.step());
      for (const one of [...this.active]) this.finish(one);
      this.progress();
      return this.summary();
    } finally {
      this.options.signal?.removeEventListener("abort", stop);
      stop();
    }
  }

  private get aborted(): boolean {
    return this.options.signal?.aborted ?? false;
  }

  /** Opens the only file, and pipes; of other files looks at the first packet and closes them until their turn. */
  private async open(path: string, place: number): Promise<void> {
    if (this.aborted) return;
    if (this.paths.length === 1 || !canBeReopened(path)) {
      const { totalBytes } = this.activate(path, place);
      this.totalBytes = totalBytes === null || this.totalBytes === null ? null : this.totalBytes + totalBytes;
      return;
    }
    const file = openCapture(path, { ledger: new Ledger(), window_bytes: MERGE_WINDOW_BYTES });
    if (this.totalBytes !== null) this.totalBytes += file.totalBytes ?? 0;
    try {
      while (!file.next() && !file.ended) await file.fill();
      this.waiting.push({ path, place, firstTime: file.packets > 0 ? file.raw.time : Number.NEGATIVE_INFINITY });
    } finally {
      file.close();
    }
  }

  private activate(path: string, place: number): CaptureFile {
    const file = openCapture(path, {
      ledger: this.options.ledger,
      onProblem: this.options.onProblem,
      nextInterfaceId: () => this.nextInterfaceId++,
      window_bytes: this.paths.length > 1 ? MERGE_WINDOW_BYTES : undefined,
    });
    file.open(this.handler);
    this.active.push({ file, place, ready: false });
    return file;
  }

  /** Gives every open file a packet to compare, then hands packets over. False when there are none left. */
  private async step(): Promise<boolean> {
    for (const one of [...this.active]) if (!one.ready) await this.makeReady(one);
    this.handOver();
    return !this.aborted && (this.active.length > 0 || this.waiting.length > 0);
  }

  /** Hands packets over in order of time until a file has to read, or to be opened, before the next is known. */
  private handOver(): void {
    while (!this.aborted) {
      const one = this.earliest();
      if (this.waiting.length > 0 && (one === undefined || this.waiting[0].firstTime <= one.file.raw.time)) {
        const due = this.waiting.shift()!;
        this.activate(due.path, due.place);
        return;
      }
      if (one === undefined) return;
      this.handler.packet(one.file.raw);
      one.ready = one.file.deliver(this.handler, this.nextTimeBeside(one));
      if (!one.ready) return;
    }
  }

  /** Reads until the file has a packet to give or is at its end. */
  private async makeReady(one: Active): Promise<void> {
    while (!this.aborted) {
      if (one.file.next()) {
        one.ready = true;
        return;
      }
      if (one.file.ended) return this.finish(one);
      await one.file.fill();
      await this.options.pause?.();
      await this.turn();
    }
  }

  private earliest(): Active | undefined {
    let best: Active | undefined;
    for (const one of this.active) {
      if (best === undefined || one.file.raw.time < best.file.raw.time) best = one;
      else if (one.file.raw.time === best.file.raw.time && one.place < best.place) best = one;
    }
    return best;
  }

  private nextTimeBeside(one: Active): Micros {
    let time = this.waiting.length > 0 ? this.waiting[0].firstTime : Number.POSITIVE_INFINITY;
    for (const other of this.active) if (other !== one && other.file.raw.time < time) time = other.file.raw.time;
    return time;
  }

  /** Lets timers, signals and outputs have their turn, not more often than they need. */
  private async turn(): Promise<void> {
    if (performance.now() - this.turnStarted < TURN_MS) return;
    this.progress();
    await new Promise((resolve) => setImmediate(resolve));
    this.turnStarted = performance.now();
  }

  private progress(): void {
    let bytesRead = this.finishedBytes;
    let packets = this.finishedPackets;
    for (const { file } of this.active) {
      bytesRead += file.bytesRead;
      packets += file.packets;
    }
    this.options.onProgress?.({ bytesRead, totalBytes: this.totalBytes, packets });
  }

  private finish(one: Active): void {
    one.file.close();
    this.active.splice(this.active.indexOf(one), 1);
    const summary = one.file.summary();
    this.finishedBytes += summary.bytes;
    this.finishedPackets += summary.packets;
    this.summaries.push({ place: one.place, summary });
  }

  private summary(): CaptureSummary {
    const files = this.summaries.sort((a, b) => a.place - b.place).map(({ summary }) => summary);
    const times = files.flatMap(({ firstTime, lastTime }) =>
      firstTime === null ? [] : [firstTime, lastTime ?? firstTime],
    );
    return {
      files,
      packets: this.finishedPackets,
      bytes: this.finishedBytes,
      firstTime: times.length > 0 ? times.reduce((a, b) => Math.min(a, b)) : null,
      lastTime: times.length > 0 ? times.reduce((a, b) => Math.max(a, b)) : null,
      interfaces: files.flatMap(({ interfaces }) => interfaces).sort((a, b) => a.id - b.id),
      problems: files.flatMap(({ problems }) => problems),
      aborted: this.aborted,
    };
  }
}
