/**
 * A destination that sends records one message at a time to a receiver that may be slow, down or gone: bounded queue,
 * tries with growing pauses, then the record is dropped and counted. Nothing here ever waits inside `record`.
 */
import type { Ledger } from "../../core/ledger.ts";
import type { Destination } from "./destination.ts";
import { within } from "./within.ts";

/** Not worth another try: the receiver understood and refused. */
export class Refused extends Error {}

/** The receiver said when to come back. */
export class TryLater extends Error {
  readonly wait_ms: number;

  constructor(message: string, wait_ms: number) {
    super(message);
    this.wait_ms = wait_ms;
  }
}

export interface Sender {
  /** Records of one call: 1 to this many. */
  readonly batch: number;
  /** Calls that may be under way at once. */
  readonly parallel: number;
  /** Sends records in order; rejects when they were not taken, with `Refused` when another try is useless. */
  send(records: readonly string[], signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface SenderOptions {
  readonly name: string;
  readonly ledger: Ledger;
  /** Live: over the limit records are dropped. Else only while the receiver is down; the reader waits for `drained`. */
  readonly drop: boolean;
  readonly attempts: number;
  /** Records and octets (characters) that may wait. */
  readonly limit_records?: number;
  readonly limit_bytes?: number;
  /**
   * Pause before the second try; doubled before each further one, up to 30 s, and shortened by chance by up to half, so
   * that many senders do not come back together.
   */
  readonly pause_ms?: number;
  readonly close_timeout_ms?: number;
  /** Called once when sending begins to fail, and again only after it worked in between. */
  readonly onFailure?: (error: Error) => void;
}

const DEFAULT_LIMIT_RECORDS = 10_000;
const DEFAULT_LIMIT_BYTES = 16 * 1024 * 1024;
const LONGEST_PAUSE_MS = 30_000;

export class QueuedSender implements Destination {
  readonly name: string;
  ended = false;
  private readonly sender: Sender;
  private readonly options: SenderOptions;
  private readonly stop = new AbortController();
  /** Records `[first, length)` wait; the array is cut when the front is long. */
  private queue: string[] = [];
  private first = 0;
  private queuedBytes = 0;
  private running = 0;
  private failing = false;
  /** All tries for some record were in vain, and nothing got through since. */
  private down = false;
  private closing: Promise<void> | null = null;
  private waiting: (() => void)[] = [];

  constructor(sender: Sender, options: SenderOptions) {
    this.name = options.name;
    this.sender = sender;
    this.options = options;
  }

  get queued(): number {
    return this.queue.length - this.first;
  }

  private get overLimit(): boolean {
    const { limit_records = DEFAULT_LIMIT_RECORDS, limit_bytes = DEFAULT_LIMIT_BYTES } = this.options;
    return this.queued >= limit_records || this.queuedBytes >= limit_bytes;
  }

  /** Never while the receiver is down: who waited for one that is gone would wait for ever. */
  get full(): boolean {
    return this.overLimit && !this.down;
  }

  record(text: string): void {
    if (this.ended || (this.overLimit && (this.options.drop || this.down))) {
      this.options.ledger.sinkDrop(this.name);
      return;
    }
    this.queue.push(text);
    this.queuedBytes += text.length;
    if (this.running < this.sender.parallel) void this.run();
  }

  drained(): Promise<void> {
    if (!this.full || this.ended) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  close(): Promise<void> {
    this.closing ??= this.closeOnce();
    return this.closing;
  }

  private async closeOnce(): Promise<void> {
    await within(
      this.until(() => this.queued === 0 && this.running === 0),
      this.options.close_timeout_ms ?? 5_000,
    );
    this.ended = true;
    this.stop.abort();
    // calls under way end by the abort, and count what they had
    await within(
      this.until(() => this.running === 0),
      500,
    );
    if (this.queued > 0) this.options.ledger.sinkDrop(this.name, this.queued);
    this.queue = [];
    this.first = 0;
    this.wake();
    await within(
      this.sender.close().catch(() => {}),
      1_000,
    );
  }

  private async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private async run(): Promise<void> {
    this.running++;
    // the records of this turn of the event loop may go together
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (!this.ended && this.queued > 0) {
      await this.deliver(this.take());
      if (!this.full) this.wake();
    }
    this.running--;
    this.wake();
  }

  private take(): string[] {
    const records = this.queue.slice(this.first, this.first + this.sender.batch);
    this.first += records.length;
    for (const record of records) this.queuedBytes -= record.length;
    if (this.first > 1_000 && this.first * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.first);
      this.first = 0;
    }
    return records;
  }

  private async deliver(records: readonly string[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.sender.send(records, this.stop.signal);
        this.failing = false;
        this.down = false;
        return;
      } catch (error) {
        if (!this.failing) this.options.onFailure?.(error as Error);
        this.failing = true;
        if (this.ended || error instanceof Refused) break;
        if (attempt >= this.options.attempts) {
          this.down = true;
          break;
        }
        await this.pause(attempt, error);
      }
    }
    this.options.ledger.sinkDrop(this.name, records.length);
  }

  private async pause(attempt: number, error: unknown): Promise<void> {
    const growing = (this.options.pause_ms ?? 500) * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
    const length = Math.min(LONGEST_PAUSE_MS, error instanceof TryLater ? error.wait_ms : growing);
    await new Promise<void>((resolve) => {
      if (this.stop.signal.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        this.stop.signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, length);
      this.stop.signal.addEventListener("abort", done);
    });
  }

  private wake(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}
