/**
 * Everything a dashboard shows, without any screen: takes events, ledgers, the states of alert rules, the time and what
 * a person does; gives series, lists and details. The terminal and the web page are views on this.
 *
 * The hot path is `event`: some additions and one push per exchange. Headers and bodies are not touched until somebody
 * opens an exchange; rankings are caught up once a tick, from a sample when there is too much to look at.
 *
 * Memory is bounded: LIMITS has every bound. A paused list keeps what it shows, so pausing may double the exchanges held.
 */
import type { AlertEvent, EarshotEvent, TlsEvent, TransactionEvent } from "../../core/event.ts";
import { Ledger } from "../../core/ledger.ts";
import { type Micros, SECOND } from "../../core/units.ts";
import type { Action } from "./action.ts";
import { type AlertRecord, Alerts, type RuleStatus } from "./alerts.ts";
import { type Band, Bands } from "./bands.ts";
import { ConnectionList } from "./connection-list.ts";
import { DIMENSIONS, type Dimension } from "./dimension.ts";
import { ExchangeLists } from "./exchange-lists.ts";
import type { FilterLanguage } from "./filter.ts";
import { type Graph, graphOf, moveCursor } from "./graph.ts";
import type { RowList, TimeSpan } from "./list.ts";
import { observedValues } from "./observed.ts";
import { Rankings } from "./rankings.ts";
import { type Data, reduce } from "./reduce.ts";
import { Ring } from "./ring.ts";
import { Series } from "./series.ts";
import type { TopList, TopRow } from "./tops.ts";
import { START, type Ui } from "./ui.ts";

/** Where the traffic comes from, for the header. */
export interface SourceInfo {
  /** `live`: time runs by itself. `file`: all of it is there, and a time cursor moves through it. */
  readonly kind: "live" | "file";
  /** Interface names, or the file's name. */
  readonly name: string;
  /** Secrets are shown. */
  readonly revealed: boolean;
}

export interface ModelOptions {
  readonly source: SourceInfo;
  readonly language?: FilterLanguage | null;
  readonly limits?: Partial<Limits>;
}

export interface Limits {
  /** Exchanges held. */
  readonly exchanges: number;
  /** Octets of exchanges held, as estimated. */
  readonly exchange_bytes: number;
  readonly connections: number;
  /** Body octets that an event may carry per message (0: bodies are not kept). */
  readonly body_bytes: number;
}

export const LIMITS: Limits = { exchanges: 10_000, exchange_bytes: 96 << 20, connections: 2_000, body_bytes: 0 };
/** Of a file more is looked at than its end. */
export const FILE_LIMITS: Limits = { ...LIMITS, exchanges: 30_000, exchange_bytes: 288 << 20, connections: 10_000 };

/** Seconds kept one by one; longer runs are seen in the coarser whole. */
const RECENT_SECONDS = 1_800;
/** Buckets for the whole run: 1 ms wide at first in a file, 1 s live, wider as needed. */
const WHOLE_BUCKETS = 1_024;

/** An event's fixed cost in memory, and what is counted at most of each of its messages. Estimates on the high side. */
const EVENT_BYTES = 1_500;
const HEAD_BYTES = 4_096;

export class DashboardModel {
  readonly source: SourceInfo;
  readonly limits: Limits;
  readonly recent: Series;
  readonly whole: Series;
  readonly alerts = new Alerts();
  readonly bands = new Bands();
  ledger = new Ledger();
  ui: Ui = START;
  now: Micros = 0;
  /** Time of the first exchange or tick; null before. */
  startTime: Micros | null = null;
  /** Raised by everything that may change what is shown. */
  revision = 0;

  private readonly exchanges: Ring<TransactionEvent>;
  private readonly connections: Ring<TlsEvent>;
  private readonly connectionList: ConnectionList;
  private readonly rankings: Rankings;
  private readonly lists: ExchangeLists;
  private readonly data: Data;
  /** What was last told, to know whether something changed. */
  private ledgerCounted = 0;
  private rulesText = "";
  private tickedAt: Micros = 0;

  constructor(options: ModelOptions) {
    this.source = options.source;
    const live = options.source.kind === "live";
    this.limits = { ...(live ? LIMITS : FILE_LIMITS), ...options.limits };
    this.recent = new Series({ width: SECOND, capacity: RECENT_SECONDS, overflow: "slide" });
    this.whole = new Series({ width: live ? SECOND : 1_000, capacity: WHOLE_BUCKETS, overflow: "coarsen" });
    this.exchanges = new Ring({ rows: this.limits.exchanges, bytes: this.limits.exchange_bytes });
    this.connections = new Ring({ rows: this.limits.connections, bytes: this.limits.exchange_bytes });
    this.connectionList = new ConnectionList(this.connections);
    this.rankings = new Rankings(this.exchanges, live);
    this.lists = new ExchangeLists(this.exchanges);
    this.data = this.makeData(options.language ?? null);
  }

  event(event: EarshotEvent): void {
    this.revision++;
    if (event.type === "transaction") this.transaction(event);
    else if (event.type === "tls") this.connections.push(event, EVENT_BYTES + event.certificates.length * 1_000);
    else this.alert(event);
  }

  /** The whole run's ledger so far; kept by reference. */
  ledgerIs(ledger: Ledger): void {
    const counted = ledger.packets + ledger.transactions + ledger.kernelDropped + ledger.tlsConnections;
    if (ledger === this.ledger && counted === this.ledgerCounted) return;
    this.ledger = ledger;
    this.ledgerCounted = counted;
    this.revision++;
  }

  /** What the alert rules are doing now. */
  rulesAre(rules: readonly RuleStatus[]): void {
    const text = JSON.stringify(rules);
    if (text === this.rulesText) return;
    this.rulesText = text;
    this.alerts.rules = rules;
    this.bands.set(this.now, bandOf(this.alerts.rateRule));
    this.revision++;
  }

  /** Time has come to `now`: live the clock, for a file the time of its newest packet. */
  tick(now: Micros): void {
    if (now > this.now) this.now = now;
    if (now > 0) this.startTime ??= now;
    this.recent.advance(this.now);
    this.whole.advance(this.now);
    this.rankings.catchUp(this.now);
    if (Math.floor(now / SECOND) !== Math.floor(this.tickedAt / SECOND)) this.revision++;
    this.tickedAt = now;
  }

  dispatch(action: Action): void {
    const before = this.ui;
    this.ui = reduce(before, action, this.data);
    if (this.ui !== before) this.revision++;
    if ((before.paused === null) !== (this.ui.paused === null)) this.lists.freeze(this.ui.paused !== null);
  }

  /** Exchanges that fell out of memory. */
  get exchangesGone(): number {
    return this.exchanges.gone;
  }

  get exchangesHeld(): number {
    return this.exchanges.length;
  }

  /** The most requests that a value in no ranking can have had; 0 while rankings are exact. */
  get topsFloor(): number {
    return this.rankings.floor;
  }

  /** Time of the oldest exchange held. */
  get oldestHeld(): Micros | null {
    return this.exchanges.get(this.exchanges.oldest)?.time_us ?? null;
  }

  /** The exchange list: numbers to give to `exchange`. */
  exchangeRows(): RowList {
    const { ui } = this;
    return this.lists.rows(ui, this.span, this.now);
  }

  exchange(number: number): TransactionEvent | undefined {
    return this.lists.get(number);
  }

  connectionRows(): RowList {
    return this.connectionList.rows(this.ui.filter, this.span, this.ui.paused?.connection ?? null);
  }

  connection(number: number): TlsEvent | undefined {
    return this.connections.get(number);
  }

  get dimension(): Dimension {
    return DIMENSIONS[this.ui.dimension];
  }

  /**
   * The ranking in a dimension: of the run, or of what the filter and the time cursor leave. Put in order once a second,
   * so that rows of nearly equal count do not dance.
   */
  topList(dimension: Dimension, count: number): TopList {
    return this.rankings.list(dimension, count, { filter: this.ui.filter, span: this.span, now: this.now });
  }

  /** The column of the graph under the time cursor. */
  get span(): TimeSpan | null {
    const { cursor } = this.ui;
    return cursor === null ? null : { from: cursor, to: cursor + this.graph(this.ui.graphColumns).step };
  }

  /** The time axis for a graph of so many columns. */
  graph(columns: number): Graph {
    return graphOf(this, columns);
  }

  alertRecords(): readonly AlertRecord[] {
    return this.alerts.list;
  }

  /** Other exchanges of a flow that are still held, oldest first, at most `count` around the given one. */
  sameFlow(event: TransactionEvent, count: number): readonly TransactionEvent[] {
    const found: TransactionEvent[] = [];
    for (let number = this.exchanges.newest; number >= this.exchanges.oldest && found.length < count; number--) {
      const other = this.exchanges.get(number)!;
      if (other.flow.id === event.flow.id && other.id !== event.id) found.push(other);
    }
    return found.reverse();
  }

  private transaction(event: TransactionEvent): void {
    if (event.time_us > this.now) this.now = event.time_us;
    if (this.startTime === null || event.time_us < this.startTime) this.startTime = event.time_us;
    this.recent.add(event);
    this.whole.add(event);
    const cap = HEAD_BYTES + this.limits.body_bytes;
    this.exchanges.push(event, EVENT_BYTES + Math.min(event.bytes.in, cap) + Math.min(event.bytes.out, cap));
    // a reader of files does not tick: the ring must not run over what the rankings have not seen
    if (this.source.kind === "file" && this.rankings.behind >= this.limits.exchanges / 2)
      this.rankings.catchUp(this.now);
  }

  private alert(event: AlertEvent): void {
    if (event.time_us > this.now) this.now = event.time_us;
    this.alerts.event(event);
  }

  private makeData(language: FilterLanguage | null): Data {
    return {
      language,
      observed: (field) =>
        observedValues(
          field,
          (dimension) => this.rankings.list(dimension, 50, { filter: null, span: null, now: this.now }).rows,
        ),
      exchangeRows: () => this.exchangeRows(),
      exchange: (number) => this.exchange(number),
      connectionRows: () => this.connectionRows(),
      connection: (number) => this.connection(number),
      topRows: (): readonly TopRow[] => this.topList(this.dimension, 2_000).rows,
      alertRecords: () => this.alertRecords(),
      newest: () => ({ exchange: this.exchanges.newest, connection: this.connections.newest }),
      cursorMoved: (by) => moveCursor(this, by),
    };
  }
}

/** A limit that is not watched does not bound the band. */
function bandOf(rule: RuleStatus | null): Band | null {
  if (rule === null || rule.usual === null || rule.usual.up === null || rule.window_s === null) return null;
  const { middle, low, up } = rule.usual;
  return { middle, low: low ?? 0, up, window_s: rule.window_s };
}
