/**
 * The completeness ledger: what was seen, and above all what was not. Every stage counts into one of these; every view,
 * summary and alert shows it, so that a number can always say what it missed. Law 3 holds for it: ledgers add up.
 */

/** Why a packet gave no TCP segment or UDP datagram. */
export class Ledger {
  /** Packets that the source handed over, copies and undecodable ones included. */
  packets = 0;
  bytes = 0;
  /** Live: packets the kernel dropped because the ring was full. */
  kernelDropped = 0;
  /** Packets cut by the snap length. */
  packetsCut = 0;
  /** Packets of other protocols: ARP, ICMP, UDP without a protocol of ours… */
  otherPackets = 0;
  /** Packets whose headers could not be read. */
  malformedPackets = 0;
  badChecksums = 0;
  fragments = 0;
  fragmentsLost = 0;
  tcpPackets = 0;
  /** The same packet seen again on another interface: counted once. */
  copies = 0;
  retransmittedPackets = 0;
  retransmittedBytes = 0;
  flows = 0;
  flowsMidstream = 0;
  /** Flows in which HTTP was seen. */
  httpFlows = 0;
  gaps = 0;
  gapBytes = 0;
  transactions = 0;
  complete = 0;
  noResponse = 0;
  aborted = 0;
  withGap = 0;
  requests = 0;
  responses = 0;
  requestsUnmatched = 0;
  responsesUnmatched = 0;
  /** Rows that a limit cut (`quality.truncated`). */
  truncated = 0;
  tlsConnections = 0;
  /** Owner events the kernel could not hand over (eBPF ring). */
  ownersLost = 0;
  /** An error of our own, caught at a flow's edge: a bug to report. */
  internalErrors = 0;
  /** Anomalies by stable code. */
  readonly anomalies = new Map<string, number>();
  /** Entries that a full table gave up, by table. */
  readonly evicted = new Map<string, number>();
  /** Plug-ins that threw and were switched off. */
  readonly pluginFailures = new Map<string, number>();
  /** Events that a slow or failing output lost, by output. */
  readonly sinkDropped = new Map<string, number>();

  anomaly(code: string): void {
    this.anomalies.set(code, (this.anomalies.get(code) ?? 0) + 1);
  }

  evict(table: string, count = 1): void {
    this.evicted.set(table, (this.evicted.get(table) ?? 0) + count);
  }

  sinkDrop(sink: string, count = 1): void {
    this.sinkDropped.set(sink, (this.sinkDropped.get(sink) ?? 0) + count);
  }

  /** Adds another ledger (a shard's, a window's) to this one. */
  merge(other: Ledger): void {
    for (const key of Object.keys(this) as (keyof Ledger)[]) {
      const mine = this[key];
      const theirs = other[key];
      if (typeof mine === "number") (this as unknown as Record<string, number>)[key] = mine + (theirs as number);
      else if (mine instanceof Map) {
        for (const [code, count] of theirs as unknown as Map<string, number>)
          mine.set(code, (mine.get(code) ?? 0) + count);
      }
    }
  }

  /** Plain data for JSON, workers and stores; `Ledger.from` reads it back. */
  toJSON(): Record<string, number | Record<string, number>> {
    const plain: Record<string, number | Record<string, number>> = {};
    for (const [key, value] of Object.entries(this))
      plain[key] = value instanceof Map ? Object.fromEntries(value) : value;
    return plain;
  }

  static from(plain: Record<string, number | Record<string, number>>): Ledger {
    const ledger = new Ledger();
    for (const [key, value] of Object.entries(plain)) {
      const mine = (ledger as unknown as Record<string, unknown>)[key];
      if (mine instanceof Map) for (const [code, count] of Object.entries(value)) mine.set(code, count);
      else if (typeof mine === "number") (ledger as unknown as Record<string, unknown>)[key] = value;
    }
    return ledger;
  }

  /** Share of packets that the capture lost, 0 to 1. */
  get lossShare(): number {
    const offered = this.packets + this.kernelDropped;
    return offered === 0 ? 0 : this.kernelDropped / offered;
  }
}
