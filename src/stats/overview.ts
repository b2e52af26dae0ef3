/**
 * The bundle that `earshot stats`, dashboards and exporters show: totals, rates, unique clients, latencies, sizes and a
 * ranking for each of a list of dimensions. One Statistic: create, observe, merge, report; `save` and `load` make plain
 * data of a state for workers and files.
 */
import type { TlsEvent, TransactionEvent } from "../core/event.ts";
import type { Statistic } from "../core/roles.ts";
import { formatTime, type Micros } from "../core/units.ts";
import { agentFamily } from "./agent.ts";
import type { CountryLookup } from "./country.ts";
import { type Dimension, dimension, MAX_STR_LENGTH } from "./dimension.ts";
import { Distinct, type DistinctReport, type SavedDistinct } from "./distinct.ts";
import { Measure } from "./measure.ts";
import { type QuantileReport, Quantiles, type SavedQuantiles } from "./quantile.ts";
import { counts, MAX_TOP_HITS, type RankingReport, rankingReport } from "./ranking.ts";
import { type RateReport, Rates, type SavedRates } from "./rate.ts";
import { type Metric, type SavedTop, Top } from "./top.ts";
import { Totals, type TotalsReport } from "./totals.ts";

/** Ranked by default. Latencies are kept for those marked: each costs a sketch a key. */
const DIMENSIONS: readonly (readonly [spec: string, latency: boolean])[] = [
  ["section", true],
  ["domain", true],
  ["route", true],
  ["method", true],
  ["status-line", false],
  ["user-agent", false],
  ["client", true],
  ["server", true],
  ["process", true],
  ["container", false],
  ["content-type", false],
  ["http-version", false],
  ["client,protocol,server-port", false],
  ["server-name", true],
];

/** Keys kept for each dimension. */
export const OVERVIEW_CAPACITY = 1_000;

export interface OverviewOptions {
  /** Dimensions to rank by, as `dimension` takes them, instead of the default list. */
  readonly dimensions?: readonly string[];
  readonly capacity?: number;
  readonly maxLength?: number;
  /** With a database, clients are ranked by country too. */
  readonly country?: CountryLookup;
}

export interface OverviewReport {
  /** Time of the first and the newest event; null before the first. */
  readonly from: string | null;
  readonly to: string | null;
  readonly totals: TotalsReport;
  readonly rates: RateReport;
  readonly clients: DistinctReport;
  readonly latency_ms: { readonly total: QuantileReport | null; readonly ttfb: QuantileReport | null };
  /** Content octets. */
  readonly size_bytes: { readonly request: QuantileReport | null; readonly response: QuantileReport | null };
  readonly top: Readonly<Record<string, RankingReport>>;
}

export interface SavedOverview {
  readonly totals: TotalsReport;
  readonly rates: SavedRates;
  readonly clients: SavedDistinct;
  readonly quantiles: readonly SavedQuantiles[];
  readonly tops: readonly SavedTop[];
}

export class OverviewState {
  totals = new Totals();
  rates = new Rates();
  clients = new Distinct();
  readonly total = new Quantiles();
  readonly ttfb = new Quantiles();
  readonly requestSize = new Quantiles();
  readonly responseSize = new Quantiles();
  readonly tops: Top[];

  constructor(tops: Top[]) {
    this.tops = tops;
  }

  get quantiles(): readonly Quantiles[] {
    return [this.total, this.ttfb, this.requestSize, this.responseSize];
  }
}

export class Overview implements Statistic<OverviewState, OverviewReport> {
  readonly name = "overview";
  readonly unit = "requests";
  readonly title = "Overview";
  readonly dimensions: readonly Dimension[];
  private readonly latency: readonly boolean[];
  private readonly capacity: number;
  private readonly measure = new Measure();

  constructor(options: OverviewOptions = {}) {
    const { country, maxLength = MAX_STR_LENGTH } = options;
    const given = options.dimensions?.map((spec) => [spec, true] as const);
    const specs = given ?? [...DIMENSIONS, ...(country === undefined ? [] : [["country", true] as const])];
    this.dimensions = specs.map(([spec]) => dimension(spec, { country, maxLength }));
    this.latency = specs.map(([, latency]) => latency);
    this.capacity = options.capacity ?? OVERVIEW_CAPACITY;
  }

  create(): OverviewState {
    return new OverviewState(this.latency.map((latency) => new Top(this.topOptions(latency))));
  }

  private topOptions(latency: boolean) {
    return { capacity: this.capacity, metric: "requests" as Metric, latency };
  }

  observe(state: OverviewState, event: TransactionEvent | TlsEvent): void {
    state.totals.add(event);
    if (event.type === "transaction") observeTransaction(state, event);
    const measure = this.measure.of(event);
    const { dimensions } = this;
    for (let index = 0; index < dimensions.length; index++) {
      const by = dimensions[index];
      if (!counts(by, event)) continue;
      const key = by.key(event);
      if (key !== undefined) state.tops[index].add(key, measure);
    }
  }

  merge(into: OverviewState, from: OverviewState): void {
    into.totals.merge(from.totals);
    into.rates.merge(from.rates);
    into.clients.merge(from.clients);
    into.quantiles.forEach((quantiles, index) => {
      quantiles.merge(from.quantiles[index]);
    });
    into.tops.forEach((top, index) => {
      top.merge(from.tops[index]);
    });
  }

  /** Lets rankings forget keys not seen since `before` (`max_retention_length`). */
  retire(state: OverviewState, before: Micros): void {
    for (const top of state.tops) top.retire(before);
  }

  report(state: OverviewState, at?: Micros, limit = MAX_TOP_HITS): OverviewReport {
    const { rates, totals } = state;
    const seen = rates.total > 0;
    return {
      from: seen ? formatTime(rates.first) : null,
      to: seen ? formatTime(rates.newest) : null,
      totals: totals.report(),
      rates: rates.report(at),
      clients: state.clients.report(),
      latency_ms: { total: state.total.report(), ttfb: state.ttfb.report() },
      size_bytes: { request: state.requestSize.report(), response: state.responseSize.report() },
      top: this.rankings(state, limit),
    };
  }

  private rankings(state: OverviewState, limit: number): Record<string, RankingReport> {
    const rankings: Record<string, RankingReport> = {};
    this.dimensions.forEach((by, index) => {
      rankings[by.name] = rankingReport(state.tops[index], by, "requests", limit);
      if (by.name === "user-agent") rankings["user-agent-family"] = familyReport(state.tops[index], limit);
    });
    return rankings;
  }

  /** One ranking by another metric: `volume by domain`. Throws when the dimension is not among those observed. */
  ranking(state: OverviewState, name: string, metric: Metric, limit = MAX_TOP_HITS): RankingReport {
    const index = this.dimensions.findIndex((by) => by.name === name);
    if (index < 0) throw new Error(`the overview does not rank by ${name}`);
    return rankingReport(state.tops[index], this.dimensions[index], metric, limit);
  }

  save(state: OverviewState): SavedOverview {
    return {
      totals: state.totals.report(),
      rates: state.rates.save(),
      clients: state.clients.save(),
      quantiles: state.quantiles.map((quantiles) => quantiles.save()),
      tops: state.tops.map((top) => top.save()),
    };
  }

  load(saved: SavedOverview): OverviewState {
    const state = new OverviewState(
      saved.tops.map((top, index) => Top.load(top, this.topOptions(this.latency[index]))),
    );
    state.totals = Totals.load(saved.totals);
    state.rates = Rates.load(saved.rates);
    state.clients = Distinct.load(saved.clients);
    state.quantiles.forEach((quantiles, index) => {
      quantiles.merge(Quantiles.load(saved.quantiles[index]));
    });
    return state;
  }
}

function observeTransaction(state: OverviewState, event: TransactionEvent): void {
  const { request, response, latency_ms } = event;
  if (request !== null) {
    state.rates.add(event.time_us);
    state.clients.add(event.flow.client.ip);
    state.requestSize.add(request.body_bytes);
  }
  if (response !== null) state.responseSize.add(response.body_bytes);
  if (latency_ms.total !== null) state.total.add(latency_ms.total);
  if (latency_ms.ttfb !== null) state.ttfb.add(latency_ms.ttfb);
}

const FAMILY = { name: "user-agent-family", title: "User-Agent Family", columns: ["User-Agent Family"] };

/** Families come from the ranking of user agents: looking one up for every request could cost a hostile client's price. */
function familyReport(agents: Top, limit: number): RankingReport {
  const families = new Top({ ...agents.options, capacity: Number.POSITIVE_INFINITY });
  for (const [agent, tally] of agents.entries) families.include(agentFamily(agent), tally);
  families.gone.addCounters(agents.gone);
  families.none.merge(agents.none);
  families.floor = agents.floor;
  return rankingReport(families, { ...FAMILY, unit: "requests" }, "requests", limit);
}
