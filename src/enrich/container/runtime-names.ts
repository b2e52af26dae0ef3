/**
 * Name and image of a container, and the pod it belongs to with its labels: from its runtime's files, its runtime's API
 * (CRI, containerd, Docker) and the kubelet, whichever is there. Asynchronous, cached, bounded: capture never waits for
 * it, what is not known yet is asked for again, ever less often, and one line says why a name is absent.
 */
import type { ProcessInfo } from "../../core/process.ts";
import { type Expected, ExpectedContainers } from "./expected-containers.ts";
import { GuardedSource } from "./guarded-source.ts";
import { PathContainers } from "./path-containers.ts";
import { type Asked, isComplete, merge, type RuntimeAnswer } from "./runtime-answer.ts";
import { type FilePlaces, hostPlaces, RuntimeFiles } from "./runtime-files.ts";
import { givenSockets, kubeletSource, type RuntimePlaces, socketSources } from "./runtime-places.ts";
import { UserRuntimes, userOf } from "./user-runtimes.ts";

export type { RuntimeAnswer } from "./runtime-answer.ts";

const MAX_CACHED = 2_048;
/** Processes that wait for one container's name. */
const MAX_WAITING = 256;
const MAX_RUNNING = 4;
const PAUSE_MS = 2_000;
/** Two seconds, four, eight …: nine minutes in all. */
const MAX_TRIES = 9;

/** What a process's control group tells. */
export type Whereabouts = Pick<ProcessInfo, "container" | "pod" | "cgroup">;

export type Tell = (answer: RuntimeAnswer) => void;

export interface RuntimeNamesOptions extends RuntimePlaces {
  /** Told once for containers and once for pods: why names are absent. */
  readonly onNotice?: (line: string) => void;
  /** Takes secrets out of a pod's labels. */
  readonly redactLabels?: (labels: Readonly<Record<string, string>>) => Readonly<Record<string, string>>;
  /** A full table forgot a container whose name is not known yet. */
  readonly onForgotten?: () => void;
  /** First pause before asking again (tests). */
  readonly pause_ms?: number;
}

interface Entry {
  readonly asked: Asked;
  answer: RuntimeAnswer | null;
  /** Nothing more is to be asked. */
  settled: boolean;
  waiting: Tell[];
  tries: number;
  timer: NodeJS.Timeout | undefined;
}

export class RuntimeNames {
  private readonly entries = new Map<string, Entry>();
  private readonly queue: Entry[] = [];
  private readonly options: RuntimeNamesOptions;
  private readonly files: GuardedSource;
  private readonly others: readonly GuardedSource[];
  private readonly places: FilePlaces;
  private readonly ofUsers: GuardedSource;
  private readonly ofPods: readonly GuardedSource[];
  private readonly coming: ExpectedContainers;
  private readonly byPath: PathContainers;
  private readonly noticed = new Set<string>();
  private running = 0;
  private closed = false;

  constructor(options: RuntimeNamesOptions = {}) {
    this.options = options;
    const pause_ms = options.pause_ms ?? PAUSE_MS;
    const guarded = (source: GuardedSource["source"]) => new GuardedSource(source, pause_ms);
    this.places = hostPlaces(options.root, givenSockets(options));
    this.files = guarded(new RuntimeFiles(this.places));
    this.ofUsers = guarded(new UserRuntimes(options.root ?? "", pause_ms));
    this.others = socketSources(options).map(guarded);
    this.byPath = new PathContainers(this.others);
    this.coming = new ExpectedContainers(this.others, (id, expected) => this.expected(id, expected));
    this.ofPods = [...this.others, guarded(kubeletSource(options.root))];
  }

  /**
   * From now on, in the background, containers are known before anybody asks, so that the first exchange of each has its
   * name: those that run, and each that is made.
   */
  async prime(): Promise<void> {
    await this.coming.start(this.places);
  }

  /** Calls `tell`, now or later, with what is known of the container, and again when more is. */
  lookup({ container, pod, cgroup }: Whereabouts, tell: Tell): void {
    if (this.closed || container === undefined) return;
    const { id } = container;
    const entry = this.entries.get(id) ?? this.add({ id, podUid: pod?.uid ?? null, userId: userOf(cgroup) });
    if (entry.answer !== null) tell(entry.answer);
    if (entry.settled) return;
    if (entry.waiting.length < MAX_WAITING) entry.waiting.push(tell);
    if (entry.tries >= MAX_TRIES && entry.timer === undefined) this.later(entry);
  }

  /** Calls `tell`, now or later, if a control group that does not look like it is a container's. */
  lookupPath(cgroup: string, tell: (id: string, answer: RuntimeAnswer) => void): void {
    if (!this.closed) this.byPath.lookup(cgroup, tell);
  }

  /** How many containers are named, and why others are not; null when no container was met. */
  get summary(): string | null {
    const all = [...this.entries.values()];
    if (all.length === 0) return null;
    const named = all.filter(({ answer }) => answer?.name !== undefined).length;
    const by = [this.files, this.ofUsers, ...this.ofPods]
      .filter(({ answers }) => answers > 0)
      .map(({ source }) => source.place);
    const parts = [`${named} of ${all.length} containers named`];
    if (by.length > 0) parts[0] += ` (${by.join(", ")})`;
    const unlabelled = all.some(({ asked, answer }) => asked.podUid !== null && answer?.pod?.labels === undefined);
    if (named < all.length || unlabelled) parts.push(this.why());
    return parts.join("; ");
  }

  /** Asks no more; `summary` goes on telling. */
  close(): void {
    this.closed = true;
    this.coming.close();
    for (const { timer } of this.entries.values()) clearTimeout(timer);
    this.queue.length = 0;
  }

  /** False when nobody has asked about the container. */
  private expected(id: string, { answer, source }: Expected): boolean {
    const entry = this.entries.get(id);
    if (entry === undefined || this.closed) return false;
    if (!entry.settled) {
      source.answers++;
      this.take(entry, answer);
    }
    return true;
  }

  private add(asked: Asked): Entry {
    if (this.entries.size >= MAX_CACHED) this.forget(this.entries.values().next().value!);
    const entry: Entry = { asked, answer: null, settled: false, waiting: [], tries: 0, timer: undefined };
    this.entries.set(asked.id, entry);
    const known = this.coming.take(asked.id);
    if (known) this.expected(asked.id, known);
    if (!entry.settled) this.queue.push(entry);
    this.run();
    return entry;
  }

  private forget(entry: Entry): void {
    clearTimeout(entry.timer);
    this.entries.delete(entry.asked.id);
    if (!entry.settled) this.options.onForgotten?.();
    entry.settled = true;
    entry.waiting = [];
    const queued = this.queue.indexOf(entry);
    if (queued >= 0) this.queue.splice(queued, 1);
  }

  private run(): void {
    while (this.running < MAX_RUNNING && this.queue.length > 0) {
      const entry = this.queue.shift()!;
      this.running++;
      this.ask(entry).finally(() => {
        this.running--;
        this.settle(entry);
        this.run();
      });
    }
  }

  /** The files first, for they take no time; but who runs the container knows better. */
  private async ask(entry: Entry): Promise<void> {
    const { asked } = entry;
    const kept = await (asked.userId === undefined ? this.files : this.ofUsers).ask(asked);
    if (entry.answer === null) this.take(entry, kept);
    let told: RuntimeAnswer | null = null;
    for (const source of asked.podUid === null ? this.others : this.ofPods) {
      if (entry.settled || isComplete(merge(told, kept), asked)) break;
      told = merge(told, await source.ask(asked));
    }
    if (!entry.settled) this.take(entry, merge(told, kept));
  }

  private take(entry: Entry, answer: RuntimeAnswer | null): void {
    if (answer === null || this.closed) return;
    const { redactLabels } = this.options;
    const labels = answer.pod?.labels;
    const pod = answer.pod && labels && redactLabels ? { ...answer.pod, labels: redactLabels(labels) } : answer.pod;
    const shown = pod === undefined ? answer : { ...answer, pod };
    entry.answer = merge(shown, entry.answer);
    for (const tell of entry.waiting) tell(entry.answer!);
    if (!isComplete(entry.answer, entry.asked)) return;
    entry.settled = true;
    entry.waiting = [];
  }

  private settle(entry: Entry): void {
    if (this.closed || entry.settled) return;
    entry.tries++;
    this.notice(entry);
    if (entry.tries < MAX_TRIES) this.later(entry);
    else entry.waiting = []; // until somebody asks again
  }

  private later(entry: Entry): void {
    const pause_ms = (this.options.pause_ms ?? PAUSE_MS) * 2 ** (Math.min(entry.tries, MAX_TRIES) - 1);
    entry.timer = setTimeout(() => {
      entry.timer = undefined;
      this.queue.push(entry);
      this.run();
    }, pause_ms).unref();
  }

  private notice({ asked, answer }: Entry): void {
    const missing =
      answer?.name === undefined
        ? "no name"
        : asked.podUid !== null && answer.pod?.labels === undefined
          ? "no pod labels"
          : null;
    if (missing === null || this.noticed.has(missing)) return;
    this.noticed.add(missing);
    this.options.onNotice?.(`containers: ${missing} for ${asked.id.slice(0, 12)}: ${this.why()}`);
  }

  private why(): string {
    return whyAbsent(this.ofPods);
  }
}

/** Why nobody told, in one line; places where there is nothing count only when there is nothing anywhere. */
function whyAbsent(sources: readonly GuardedSource[]): string {
  const failed = sources.filter(({ trouble }) => trouble && !trouble.absent);
  const answering = sources.filter(({ trouble, answers }) => trouble === null && answers > 0);
  const parts = failed.map(({ source, trouble }) => `${source.place}: ${trouble!.message}`);
  if (parts.length > 0) return parts.join("; ");
  if (answering.length > 0) return `${answering.map(({ source }) => source.place).join(", ")} did not tell`;
  return sources.some(({ trouble }) => trouble === null)
    ? "no runtime that answers knows it"
    : "no runtime's socket is here (--runtime-socket tells where one is)";
}
