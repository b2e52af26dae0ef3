/**
 * One worker's part of a live run: a member of the fanout group with its own ring, flows, owners, redaction and ledger.
 * Takes the main thread's messages, gives lines of JSON in batches and its ledger some times a second. What leaves a
 * worker is redacted and passes the filters, as if it were printed.
 */
import { Ledger } from "../../core/ledger.ts";
import { Trouble } from "../../core/trouble.ts";
import type { Micros } from "../../core/units.ts";
import { type Attribution, joinAttribution, RUNTIMES_READY_MS, type SharedOwners } from "../../enrich/attribution.ts";
import { Redactor } from "../../redact/redactor.ts";
import type { FormatSettings } from "../../sink/formats.ts";
import { processTests, writtenTests } from "../choosing.ts";
import { LiveRun } from "../live-run.ts";
import { Session } from "../session.ts";
import { Counters } from "./counters.ts";
import type { FromShard, ShardData, ToShard } from "./messages.ts";
import { Outbox } from "./outbox.ts";

const PROGRESS_EVERY_MS = 200;

/** Rows are made in the main thread. */
const NO_FORMATS = { table: { width: 0, color: false, columns: null }, formats: {} as FormatSettings };

type Send = (message: FromShard, transfer?: ArrayBuffer[]) => void;

export class Shard {
  private readonly data: ShardData;
  private readonly send: Send;
  /** Nothing more will be sent or taken. */
  private readonly leave: () => void;
  private readonly ledger = new Ledger();
  private readonly outbox: Outbox;
  private run: LiveRun | null = null;
  private connected = false;
  private counters: Counters | null = null;
  private timer: NodeJS.Timeout | null = null;
  private reached: Micros | null = null;

  constructor(data: ShardData, send: Send, leave: () => void) {
    this.data = data;
    this.send = send;
    this.leave = leave;
    this.outbox = new Outbox(this.ledger, (bytes, count) => send({ kind: "lines", bytes, count }, [bytes.buffer]));
  }

  message(message: ToShard): void {
    if (message.kind === "taken") this.outbox.taken();
    else if (message.kind === "join") this.orTell(() => this.join(message.group));
    else if (message.kind === "connect") this.orTell(() => this.connect(message.owners));
    else if (message.kind === "start") this.start();
    else if (message.kind === "reredact") this.run?.session.reredact(message.redact);
    else if (message.kind === "refilter") this.run?.session.refilter(writtenTests(message.filters));
    else if (message.kind === "stop") void this.stop();
    else if (message.kind === "open") {
      this.run?.capture.open();
      this.send({ kind: "opened" });
    } else {
      this.run?.capture.shut();
      this.send({ kind: "shut" });
    }
  }

  /** Trouble goes to the main thread; anything else ends this one. */
  private orTell(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      const { message, hint, exitCode } = error;
      this.send({ kind: "failed", message, hint, exitCode });
    }
  }

  private join(group: number | "new"): void {
    const capture = { ...this.data.capture, fanout: { group }, closed: true, unwoken: true };
    this.run = new LiveRun({ capture, ledger: this.ledger, pcapng: null, onNotice: this.notice });
    this.send({ kind: "member", group: this.run.capture.fanoutId });
  }

  private connect(shared: SharedOwners): void {
    const { data, run, ledger } = this;
    if (run === null) return;
    const redactor = new Redactor(data.redact);
    const redactArguments = (args: readonly string[]) => redactor.arguments(args);
    const { index, runtimeSockets } = data;
    const options = { ledger, redactArguments, runtimeSockets, onNotice: this.notice };
    const owners = joinAttribution(shared, index, options);
    try {
      run.connect(this.session(redactor, owners), owners);
    } catch (error) {
      owners.close();
      throw error;
    }
    this.connected = true;
    run.onTick = (now) => {
      this.reached = now;
    };
    if (data.index === 0) {
      run.onCapture = (state, now, reason) => this.send({ kind: "capture", state, now, reason });
    }
    // packets are kept in the ring meanwhile
    void owners.ready(RUNTIMES_READY_MS).then(() => {
      const { place, capturing, attribution } = run;
      this.send({ kind: "ready", place, capturing, attribution });
    });
  }

  private start(): void {
    const { run } = this;
    if (run === null) return;
    run.start();
    this.timer = setInterval(() => this.tell(run), PROGRESS_EVERY_MS);
  }

  private readonly notice = (line: string): void => this.send({ kind: "notice", line });

  private session(redactor: Redactor, owners: Attribution) {
    const { data } = this;
    if (data.counters !== undefined) this.counters = new Counters(data.counters);
    const { captureRequest, captureResponse, minLatency_ms, maxBodyBytes } = data;
    return new Session({
      live: true,
      ledger: this.ledger,
      outputs: [],
      redactor,
      ...NO_FORMATS,
      captureRequest,
      captureResponse,
      minLatency_ms,
      maxBodyBytes,
      tests: processTests(data.choosing.processes, true),
      filters: writtenTests(data.choosing.filters),
      observers: this.counters === null ? [] : [this.counters.observe],
      lends: true,
      enrichers: [owners],
      flowIds: { first: data.index + 1, step: data.count },
      onLines: data.lines ? (bytes, length, count) => this.outbox.offer(bytes, length, count) : undefined,
      onOutputClosed: () => {},
      onNotice: this.notice,
    });
  }

  /** Lines come before the time that they belong to. */
  private tell(run: LiveRun): void {
    run.capture.updateLedger(this.ledger);
    run.session.flushLines();
    this.progress(run);
  }

  /** What was counted comes before the time that it belongs to. */
  private progress({ attribution }: LiveRun): void {
    const counted = this.counters?.take() ?? [];
    if (counted.length > 0) this.send({ kind: "counted", counted });
    this.send({ kind: "progress", ledger: this.ledger.toJSON(), reached: this.reached, attribution });
  }

  private async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    this.outbox.ending();
    await this.run?.stop();
    if (this.connected) this.progress(this.run!);
    this.send({ kind: "ended" });
    this.leave();
  }
}
