/** One worker thread as the main thread sees it: messages as method calls, each wait bounded. */
import { Worker } from "node:worker_threads";
import { Trouble } from "../../core/trouble.ts";
import type { SharedOwners } from "../../enrich/attribution.ts";
import type { RedactOptions } from "../../redact/schema.ts";
import type { WrittenFilters } from "../choosing.ts";
import type { FromShard, ShardData, ToShard } from "./messages.ts";

/** The file beside this one, as source or as built. */
const CODE = new URL(import.meta.url.endsWith(".ts") ? "./shard-thread.ts" : "./shard-thread.js", import.meta.url);
/** A worker that has not done what it was told after this long will not do it. */
const PATIENCE_MS = 10_000;
/** Starting reads and compiles the program: on a small, busy machine that has taken tens of seconds. */
const START_PATIENCE_MS = 60_000;

export interface ShardListener {
  /** Lines, progress and notices; `ready`, `shut` and the like are the handle's own. */
  message(shard: ShardHandle, message: FromShard): void;
  /** The thread ended without being asked to. */
  lost(shard: ShardHandle, reason: string): void;
}

type Answer<Kind> = Extract<FromShard, { kind: Kind }>;

export class ShardHandle {
  readonly index: number;
  /** Texts of its run, see LiveRun. */
  place = "";
  capturing = "";
  attribution = "";
  private readonly worker: Worker;
  private readonly listener: ShardListener;
  private readonly waiting = new Map<FromShard["kind"] | "exit", (message: FromShard | null) => void>();
  private failure: Trouble | null = null;
  private joined = false;
  /** It was told to stop: that it ends is no loss. */
  private leaving = false;
  gone = false;

  constructor(data: ShardData, listener: ShardListener) {
    this.index = data.index;
    this.listener = listener;
    this.worker = new Worker(CODE, {
      workerData: data,
      name: `earshot-${data.index + 1}`,
      // descriptors come from C and are closed by whoever opened them: Node, which does not know them, would warn
      trackUnmanagedFds: false,
    });
    this.worker.on("message", (message: FromShard) => this.message(message));
    this.worker.on("error", (error) => this.ended(String((error as Error).message ?? error)));
    this.worker.on("exit", (code) => this.ended(`it ended with code ${code}`));
  }

  /** Opens the capture; gives the group's number. Throws Trouble. */
  async join(group: number | "new"): Promise<number> {
    const member = await this.ask({ kind: "join", group }, "member", START_PATIENCE_MS);
    return this.given(member, "member").group;
  }

  /** Opens everything else. Throws Trouble. */
  async connect(owners: SharedOwners): Promise<void> {
    const ready = await this.ask({ kind: "connect", owners }, "ready", START_PATIENCE_MS);
    const { place, capturing, attribution } = this.given(ready, "ready");
    this.place = place;
    this.capturing = capturing;
    this.attribution = attribution;
    this.joined = true;
  }

  private given<Kind extends FromShard["kind"]>(message: FromShard | null, kind: Kind): Answer<Kind> {
    if (this.failure !== null) throw this.failure;
    if (message?.kind !== kind)
      throw new Trouble(`capture worker ${this.index + 1} did not start in ${START_PATIENCE_MS / 1000} seconds`);
    return message as Answer<Kind>;
  }

  async open(): Promise<void> {
    this.given(await this.ask({ kind: "open" }, "opened", START_PATIENCE_MS), "opened");
  }

  start(): void {
    this.post({ kind: "start" });
  }

  /** Gives whether it did. */
  async shut(): Promise<boolean> {
    return (await this.ask({ kind: "shut" }, "shut")) !== null;
  }

  /** Everything that it still has comes before this resolves; to whether the thread has ended as it should. */
  async stop(): Promise<boolean> {
    this.leaving = true;
    if (this.gone) return false;
    const exit = this.wait("exit");
    const ended = (await this.ask({ kind: "stop" }, "ended")) !== null;
    // its ring and descriptors would stay behind if it were terminated; the process may end without it
    if (!ended) this.worker.unref();
    else await exit;
    return ended;
  }

  reredact(redact: Omit<RedactOptions, "reveal">): void {
    this.post({ kind: "reredact", redact });
  }

  refilter(filters: WrittenFilters): void {
    this.post({ kind: "refilter", filters });
  }

  taken(): void {
    this.post({ kind: "taken" });
  }

  private post(message: ToShard): void {
    if (!this.gone) this.worker.postMessage(message);
  }

  private ask(message: ToShard, answer: FromShard["kind"], patience_ms?: number): Promise<FromShard | null> {
    const answered = this.wait(answer, patience_ms);
    this.post(message);
    return answered;
  }

  /** null when it ended or took too long. */
  private wait(kind: FromShard["kind"] | "exit", patience_ms = PATIENCE_MS): Promise<FromShard | null> {
    if (this.gone) return Promise.resolve(null);
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle(null), patience_ms);
      const settle = (message: FromShard | null) => {
        clearTimeout(timer);
        this.waiting.delete(kind);
        resolve(message);
      };
      this.waiting.set(kind, settle);
    });
  }

  private message(message: FromShard): void {
    if (message.kind === "failed") {
      this.failure = new Trouble(message.message, { exitCode: message.exitCode, hint: message.hint });
      this.waiting.get("member")?.(null);
      this.waiting.get("ready")?.(null);
      return;
    }
    const settle = this.waiting.get(message.kind);
    if (settle === undefined) this.listener.message(this, message);
    else settle(message);
  }

  private ended(reason: string): void {
    if (this.gone) return;
    this.gone = true;
    if (!this.joined) this.failure ??= new Trouble(`capture worker ${this.index + 1} did not start: ${reason}`);
    for (const settle of [...this.waiting.values()]) settle(null);
    if (this.joined && !this.leaving) this.listener.lost(this, reason);
  }
}
