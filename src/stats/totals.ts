/** Plain sums over all events: by outcome and status class, octets, what was sent again, what was odd. */
import type { Outcome, TlsEvent, TransactionEvent } from "../core/event.ts";

/** Anomaly codes counted one by one; the rest of a hostile variety is counted as one. */
const MOST_CODES = 200;
const OTHER = "(other)";

export interface TotalsReport {
  readonly transactions: number;
  readonly requests: number;
  readonly responses: number;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** Responses by class; `other` is what is no status of HTTP. */
  readonly classes: Readonly<Record<"1xx" | "2xx" | "3xx" | "4xx" | "5xx" | "other", number>>;
  /** Responses with status 5xx. */
  readonly errors: number;
  /** IP octets, each once. */
  readonly bytes_in: number;
  readonly bytes_out: number;
  /** IP octets that were sent again, on top. */
  readonly retransmitted_in: number;
  readonly retransmitted_out: number;
  /** Content octets. */
  readonly request_body_bytes: number;
  readonly response_body_bytes: number;
  readonly gap_bytes: number;
  readonly midstream: number;
  readonly truncated: number;
  readonly anomalies: Readonly<Record<string, number>>;
  readonly tls_connections: number;
  readonly tls_failed: number;
  readonly tls_bytes_in: number;
  readonly tls_bytes_out: number;
}

const OUTCOMES: readonly Outcome[] = ["complete", "no-response", "aborted", "gap"];
const CLASSES = ["other", "1xx", "2xx", "3xx", "4xx", "5xx"] as const;

const SUMS = [
  "transactions",
  "requests",
  "responses",
  "bytes_in",
  "bytes_out",
  "retransmitted_in",
  "retransmitted_out",
  "request_body_bytes",
  "response_body_bytes",
  "gap_bytes",
  "midstream",
  "truncated",
  "tls_connections",
  "tls_failed",
  "tls_bytes_in",
  "tls_bytes_out",
] as const;

export class Totals {
  transactions = 0;
  requests = 0;
  responses = 0;
  bytes_in = 0;
  bytes_out = 0;
  retransmitted_in = 0;
  retransmitted_out = 0;
  request_body_bytes = 0;
  response_body_bytes = 0;
  gap_bytes = 0;
  midstream = 0;
  truncated = 0;
  tls_connections = 0;
  tls_failed = 0;
  tls_bytes_in = 0;
  tls_bytes_out = 0;
  readonly outcomes: Record<Outcome, number> = { complete: 0, "no-response": 0, aborted: 0, gap: 0 };
  /** By hundreds of the status; 0 for what is none. */
  readonly classes = new Float64Array(6);
  readonly anomalies = new Map<string, number>();

  add(event: TransactionEvent | TlsEvent): void {
    if (event.type === "tls") this.addTls(event);
    else this.addTransaction(event);
    this.gap_bytes += event.quality.gap_bytes;
    if (event.quality.midstream) this.midstream++;
    if (event.quality.truncated) this.truncated++;
    for (const code of event.anomalies) this.addAnomaly(code, 1);
  }

  private addTransaction(event: TransactionEvent): void {
    const { request, response, bytes } = event;
    this.transactions++;
    this.outcomes[event.outcome]++;
    this.bytes_in += bytes.in;
    this.bytes_out += bytes.out;
    this.retransmitted_in += bytes.in_retransmitted;
    this.retransmitted_out += bytes.out_retransmitted;
    if (request !== null) {
      this.requests++;
      this.request_body_bytes += request.body_bytes;
    }
    if (response !== null) {
      this.responses++;
      this.response_body_bytes += response.body_bytes;
      const hundreds = Math.floor(response.status / 100);
      this.classes[hundreds >= 1 && hundreds <= 5 ? hundreds : 0]++;
    }
  }

  private addTls(event: TlsEvent): void {
    this.tls_connections++;
    if (event.outcome === "failed") this.tls_failed++;
    this.tls_bytes_in += event.bytes.in;
    this.tls_bytes_out += event.bytes.out;
  }

  private addAnomaly(code: string, count: number): void {
    const known = this.anomalies.has(code) || this.anomalies.size < MOST_CODES;
    const counted = known ? code : OTHER;
    this.anomalies.set(counted, (this.anomalies.get(counted) ?? 0) + count);
  }

  merge(other: Totals): void {
    for (const name of SUMS) this[name] += other[name];
    for (const outcome of OUTCOMES) this.outcomes[outcome] += other.outcomes[outcome];
    other.classes.forEach((count, index) => {
      this.classes[index] += count;
    });
    for (const [code, count] of other.anomalies) this.addAnomaly(code, count);
  }

  report(): TotalsReport {
    const sums = Object.fromEntries(SUMS.map((name) => [name, this[name]])) as Record<(typeof SUMS)[number], number>;
    const classes = Object.fromEntries(CLASSES.map((name, index) => [name, this.classes[index]]));
    return {
      ...sums,
      outcomes: { ...this.outcomes },
      classes: classes as TotalsReport["classes"],
      errors: this.classes[5],
      anomalies: Object.fromEntries([...this.anomalies].sort(([a], [b]) => (a < b ? -1 : 1))),
    };
  }

  /** A report is all there is to keep. */
  static load(saved: TotalsReport): Totals {
    const loaded = new Totals();
    for (const name of SUMS) loaded[name] = saved[name];
    Object.assign(loaded.outcomes, saved.outcomes);
    CLASSES.forEach((name, index) => {
      loaded.classes[index] = saved.classes[name];
    });
    for (const [code, count] of Object.entries(saved.anomalies)) loaded.anomalies.set(code, count);
    return loaded;
  }
}
