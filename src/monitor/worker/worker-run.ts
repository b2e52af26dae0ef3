/**
 * Live capture in several threads (`--workers`): each worker has the flows that the kernel's hash gives it and does all
 * the work on them; here their lines are written, or read back into events for whoever wants those, and their ledgers
 * become one.
 */
import type { Micros } from "../../core/units.ts";
import { type AttributionMode, type SharedAttribution, shareAttribution } from "../../enrich/attribution.ts";
import { native } from "../../source/afpacket/native.ts";
import { type EventTest, Session, type SessionOptions } from "../session.ts";
import type { WatchedRun, WatchedSession } from "../watched-run.ts";
import type { Counted } from "./counters.ts";
import { LedgerSum } from "./ledger-sum.ts";
import { LineOutputs, takesLines } from "./line-outputs.ts";
import { linesOf } from "./lines.ts";
import type { FromShard, ShardSettings } from "./messages.ts";
import { ShardHandle, type ShardListener } from "./shard-handle.ts";

export interface WorkerRunOptions {
  readonly workers: number;
  readonly attribution: AttributionMode;
  /** The workers' part: what they choose is all that comes here. */
  readonly settings: Omit<ShardSettings, "lines">;
  /** The main thread's part. */
  readonly session: Omit<SessionOptions, "enrichers" | "minLatency_ms" | "remote">;
  /** Takes what the workers counted, of `settings.counters`; filters are the workers' part then, also later ones. */
  readonly onCounted?: (counted: Counted) => void;
  /** Lines go to outputs of JSON unread; false where events of this thread (alerts) go there as well. */
  readonly linesUnread: boolean;
  /** A worker ended by itself, or did not end: one line. The run should end, as it misses flows from now on. */
  readonly onFailed: (line: string) => void;
}

export class WorkerRun implements WatchedRun, ShardListener {
  onTick: ((now: Micros) => void) | null = null;
  onCapture: WatchedRun["onCapture"] = null;
  readonly session: WatchedSession;
  private readonly options: WorkerRunOptions;
  private readonly inner: Session;
  private readonly outputs: LineOutputs;
  private readonly sum: LedgerSum;
  private readonly shards: ShardHandle[] = [];
  /** What the kernel tells of sockets and processes: opened once, read by every worker. */
  private owners: SharedAttribution | null = null;
  /** Somebody wants events and not only lines. */
  private readonly readsEvents: boolean;
  private readonly reached: (Micros | null)[] = [];
  private readonly told = new Set<string>();
  private tick: Micros = 0;
  private started = performance.now();
  private ended = 0;

  /** Opens the capture in every worker; packets gather in the rings from now on. Throws Trouble. */
  static async open(options: WorkerRunOptions): Promise<WorkerRun> {
    const run = new WorkerRun(options);
    try {
      await run.join();
      return run;
    } catch (error) {
      await run.end();
      throw error;
    }
  }

  private constructor(options: WorkerRunOptions) {
    this.options = options;
    const { session, linesUnread } = options;
    const { ledger, observers = [], sinks = [], tests, filters = [] } = session;
    this.sum = new LedgerSum(ledger);
    const asLines = linesUnread && tests.length === 0 ? session.outputs.filter(takesLines) : [];
    const others = session.outputs.filter((output) => !asLines.includes(output));
    this.inner = new Session({ ...session, outputs: others, enrichers: [], minLatency_ms: 0, remote: true });
    this.outputs = this.openOutputs(asLines, filters);
    this.readsEvents =
      !linesUnread || others.some(({ format }) => format !== "none") || observers.length + sinks.length > 0;
    this.session = {
      ledger,
      pipeline: this.inner.pipeline,
      refilter: (fresh, written) => {
        if (options.onCounted !== undefined) {
          for (const shard of this.shards) shard.refilter(written);
          return;
        }
        this.inner.refilter(fresh);
        this.outputs.refilter(fresh);
      },
      reredact: (redact) => {
        this.inner.reredact(redact);
        for (const shard of this.shards) shard.reredact(redact);
      },
      reopenFiles: () => {
        this.inner.reopenFiles();
        this.outputs.reopen();
      },
    };
  }

  private openOutputs(specs: SessionOptions["outputs"], filters: readonly EventTest[]): LineOutputs {
    const { live, ledger, redactor, onOutputClosed, onNotice } = this.options.session;
    if (redactor.reveal && specs.length > 0) onNotice("secrets are shown as they were sent (--reveal)");
    return new LineOutputs(specs, filters, {
      ledger,
      live,
      onEnd: onOutputClosed,
      onFailure: (name, error) => onNotice(`output ${name}: ${error.message}`),
    });
  }

  private async join(): Promise<void> {
    // a worker that is the only thread with koffi takes the process down when it ends
    native();
    const { workers, settings } = this.options;
    const lines = this.readsEvents || this.outputs.any;
    for (let index = 0; index < workers; index++) {
      const own = { lines, index, count: workers, program: process.argv[1] ?? "earshot" };
      this.shards.push(new ShardHandle({ ...settings, ...own }, this));
      this.reached.push(null);
    }
    const [first, ...others] = this.shards;
    const group = await first.join("new");
    // all of them, also when one fails: what has been opened is to be closed
    await allOf(others.map((shard) => shard.join(group)));
    const { attribution, session } = this.options;
    this.owners = shareAttribution({ mode: attribution, onNotice: session.onNotice }, workers);
    const { owners } = this.owners;
    await allOf(this.shards.map((shard) => shard.connect(owners)));
    await Promise.all(this.shards.map((shard) => shard.open()));
  }

  get place(): string {
    return this.shards[0].place;
  }

  get capturing(): string {
    return this.shards[0].capturing;
  }

  get attribution(): string {
    return `${this.shards[0].attribution}, in ${this.shards.length} workers`;
  }

  get elapsed_s(): number {
    return ((this.ended || performance.now()) - this.started) / 1000;
  }

  start(): void {
    this.started = performance.now();
    for (const shard of this.shards) shard.start();
  }

  message(shard: ShardHandle, message: FromShard): void {
    if (message.kind === "lines") {
      this.outputs.take(message.bytes, message.count);
      if (this.readsEvents) for (const { event } of linesOf(message.bytes)) this.inner.pipeline.publish(event);
      shard.taken();
    } else if (message.kind === "notice") this.notice(message.line);
    else if (message.kind === "counted") {
      for (const counted of message.counted) this.options.onCounted?.(counted);
    } else if (message.kind === "capture") this.onCapture?.(message.state, message.now, message.reason);
    else if (message.kind === "progress") {
      this.sum.take(shard.index, message.ledger);
      this.reached[shard.index] = message.reached;
      shard.attribution = message.attribution;
      this.advance();
    }
  }

  /** Time has come as far as in the worker that is behind most. */
  private advance(): void {
    let now = Number.POSITIVE_INFINITY;
    for (const one of this.reached) now = Math.min(now, one ?? 0);
    if (now <= this.tick) return;
    this.tick = now;
    this.onTick?.(now);
  }

  /** What all workers say is said once. */
  private notice(line: string): void {
    if (this.told.has(line) || this.told.size > 1000) return;
    this.told.add(line);
    this.options.session.onNotice(line);
  }

  lost(shard: ShardHandle, reason: string): void {
    this.session.ledger.internalErrors++;
    this.options.onFailed(`capture worker ${shard.index + 1} is lost: ${reason}`);
  }

  /** Takes in everything captured so far, then ends. */
  async stop(): Promise<void> {
    await this.end();
    this.ended = performance.now();
  }

  /** Something else failed to open. */
  abandon(): void {
    void this.end();
  }

  /**
   * First all of them shut: the flows of a member that leaves the group would go over to another, which would see their
   * second half.
   */
  private async end(): Promise<void> {
    await Promise.all(this.shards.map((shard) => shard.shut()));
    const stopped = await Promise.all(this.shards.map((shard) => shard.stop()));
    stopped.forEach((done, index) => {
      if (!done && !this.shards[index].gone) this.lost(this.shards[index], "it does not answer");
    });
    this.owners?.close();
    this.owners = null;
    await this.inner.finish();
    await this.outputs.close();
  }
}

/** Waits for all of them, then throws what the first that failed threw. */
async function allOf(work: readonly Promise<unknown>[]): Promise<void> {
  for (const one of await Promise.allSettled(work)) if (one.status === "rejected") throw one.reason;
}
