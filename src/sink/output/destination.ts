/**
 * Where the records of an output go, and how a format and a destination make a Sink. A destination never blocks and
 * never throws: it queues up to a limit. Behind a live capture it then drops and counts (`Ledger.sinkDropped`); behind
 * a file that is read, the reader waits on `drained` instead and nothing is lost.
 */
import type { EarshotEvent } from "../../core/event.ts";
import type { Sink } from "../../core/roles.ts";
import { within } from "./within.ts";

export interface Destination {
  readonly name: string;
  /** Takes one record, without the line end that a stream needs behind it. */
  record(text: string): void;
  /** The queue is over its limit: who can wait should wait for `drained` now. */
  readonly full: boolean;
  /** The other end is gone for good (closed pipe): more records go nowhere. */
  readonly ended: boolean;
  /** Resolves when the queue is short again, or nothing will ever take it. */
  drained(): Promise<void>;
  /** A file is opened anew, in case others renamed it. */
  reopen?(): void;
  /** Writes out what is queued; gives up after a bounded time where records may be dropped. May be called again. */
  close(): Promise<void>;
}

/** A pure formatter: events in, texts out. */
export interface EventFormat {
  readonly name: string;
  /** Reads single properties of an event while it formats, and neither keeps nor copies it. */
  readonly lends?: boolean;
  /** Lines before the first record of every file, without the last line end; empty for none. */
  header?(): string;
  /** Records for an event: none when the event is not this format's, or several. Without line ends behind them. */
  format(event: EarshotEvent): readonly string[];
  /** Records that were held back until the end. */
  finish?(): readonly string[];
}

/** Longest wait at the end for a destination that is full. */
const LAST_RECORDS_MS = 5_000;

/** A Sink made of a format and a destination. */
export class FormatSink implements Sink {
  readonly name: string;
  readonly destination: Destination;
  private readonly formatter: EventFormat;

  constructor(formatter: EventFormat, destination: Destination) {
    this.name = destination.name;
    this.formatter = formatter;
    this.destination = destination;
  }

  get lends(): boolean {
    return this.formatter.lends ?? false;
  }

  write(event: EarshotEvent): void {
    for (const record of this.formatter.format(event)) this.destination.record(record);
  }

  async close(): Promise<void> {
    let patient = true;
    for (const record of this.formatter.finish?.() ?? []) {
      if (this.destination.full && patient) {
        await within(this.destination.drained(), LAST_RECORDS_MS);
        // a destination that stands still costs one wait, not one a record
        patient = !this.destination.full;
      }
      this.destination.record(record);
    }
    await this.destination.close();
  }
}
