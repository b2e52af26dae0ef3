/** What one event adds to a counter: read once from the event, then given to every ranking that counts it. */
import type { TlsEvent, TransactionEvent } from "../core/event.ts";
import type { Micros } from "../core/units.ts";
import { bucketOf } from "./quantile.ts";

/**
 * Which octets count. `packets`: all IP octets of the packets that carried the message, each once. `first-packet`: those
 * of each message's first packet alone, as bcc's http_filter example counted.
 */
export type Wire = "packets" | "first-packet";

/** Filled again for every event: no allocation where 20,000 events come a second. */
export class Measure {
  requests = 0;
  responses = 0;
  /** Responses with status 5xx. */
  errors = 0;
  bytesIn = 0;
  bytesOut = 0;
  retransmittedIn = 0;
  retransmittedOut = 0;
  /** Milliseconds; -1 when not known. */
  latency_ms = -1;
  /** Bucket of the latency in a quantile sketch. */
  bucket = -1;
  time: Micros = 0.5;

  of(event: TransactionEvent | TlsEvent, wire: Wire = "packets"): this {
    this.time = event.time_us;
    this.bytesIn = event.bytes.in;
    this.bytesOut = event.bytes.out;
    this.retransmittedIn = event.bytes.in_retransmitted;
    this.retransmittedOut = event.bytes.out_retransmitted;
    if (event.type === "transaction") this.ofTransaction(event, wire);
    else this.ofTls(event);
    this.bucket = bucketOf(this.latency_ms);
    return this;
  }

  /** A TLS connection counts like a request: rankings say "connections" where they hold these. */
  private ofTls(event: TlsEvent): void {
    this.requests = this.responses = 1;
    this.errors = event.outcome === "failed" ? 1 : 0;
    this.latency_ms = event.handshake_ms ?? -1;
  }

  private ofTransaction(event: TransactionEvent, wire: Wire): void {
    const { response } = event;
    this.requests = event.request === null ? 0 : 1;
    this.responses = response === null ? 0 : 1;
    this.errors = response !== null && response.status >= 500 && response.status < 600 ? 1 : 0;
    this.latency_ms = event.latency_ms.total ?? -1;
    if (wire === "first-packet") {
      this.bytesIn = event.bytes.in_first_packet;
      this.bytesOut = event.bytes.out_first_packet;
    }
  }
}
