/** The band of what is usual around a baseline, widened by the hour of the week. Pure: numbers in, numbers out. */
import type { Measure } from "./measure.ts";
import type { BaselineRuleConfig } from "./schema.ts";
import type { SeasonCell } from "./season.ts";

export interface Band {
  /** `seasonal` where the hour decided a limit. */
  readonly mode: "frozen" | "robust" | "ewma" | "seasonal";
  /** Centre that the upper limit belongs to. */
  readonly m: number;
  readonly s: number;
  readonly up: number;
  readonly low: number;
  /** Centre that the lower limit belongs to. */
  readonly lowM: number;
}

interface Centre {
  readonly m: number;
  readonly s: number;
}

/** The band with its limits moved out by these factors. */
export function widened(band: Band, high: number, low: number): Band {
  const up = band.m + high * (band.up - band.m);
  return { ...band, up, low: Math.max(0, band.lowM - low * (band.lowM - band.low)) };
}

/** `up = m + max(p·m, z·s, a)`, `low = max(0, m − max(pLow·m, z·s, a))`. */
function limits(config: BaselineRuleConfig, absolute: number, { m, s }: Centre): { up: number; low: number } {
  return {
    up: m + Math.max(config.p * m, config.z * s, absolute),
    low: Math.max(0, m - Math.max(config.p_low * m, config.z * s, absolute)),
  };
}

const centreOf = (measure: Measure, cell: SeasonCell): Centre => ({
  m: cell.m,
  s: Math.max(cell.s, measure.floor(cell.m, cell.count), 0.01 * cell.m),
});

/** Whether a value is what this hour usually has. */
export function explains(
  config: BaselineRuleConfig,
  measure: Measure,
  cell: SeasonCell,
  value: number | null,
): boolean {
  const { up, low } = limits(config, config.a ?? measure.absolute, centreOf(measure, cell));
  return value !== null && value <= up && value >= low;
}

/** The band around a baseline; with an hour of the week the wider of both. */
export function bandOf(config: BaselineRuleConfig, measure: Measure, base: Centre, cell: SeasonCell | null): Band {
  const absolute = config.a ?? measure.absolute;
  const plain = config.mode === "seasonal" ? "robust" : config.mode;
  let band: Band = { mode: plain, m: base.m, s: base.s, ...limits(config, absolute, base), lowM: base.m };
  if (cell === null || config.mode !== "seasonal") return band;
  const usual = centreOf(measure, cell);
  const { up } = limits(config, absolute, usual);
  if (cell.ready && up > band.up) band = { ...band, mode: "seasonal", ...usual, up };
  // for the lower limit any sample will do: a quiet night must not alert on the second day
  const quiet: Centre = cell.ready ? usual : { m: cell.least, s: usual.s };
  const { low } = limits(config, absolute, quiet);
  if (low < band.low) band = { ...band, mode: "seasonal", low, lowM: quiet.m };
  return band;
}

/** Distance of a value from the centre, the limit being 1; null for a band of no width. */
export function scoreOf(value: number, band: Band, direction: "high" | "low"): number | null {
  const [distance, width] =
    direction === "high" ? [value - band.m, band.up - band.m] : [band.lowM - value, band.lowM - band.low];
  return width > 0 ? distance / width : null;
}
