/** A statistic as a report: over all that came (letting go of what is too old), or over the last window of time. */
import type { Statistic } from "../core/roles.ts";
import { EXIT, Trouble } from "../core/trouble.ts";
import { DAY, formatTime, type Micros, SECOND } from "../core/units.ts";
import type { Counted, CounterSpec } from "../monitor/worker/counters.ts";
import { Retention } from "../stats/retention.ts";
import { Windows } from "../stats/window.ts";
import type { Settings } from "./config-schema.ts";
import type { Report } from "./report-run.ts";
import type { RemoteCounting } from "./watch.ts";

export interface Counting<State> {
  /** The statistic as plain data, for other threads; absent for what cannot be sent. */
  readonly spec?: CounterSpec;
  readonly statistic: Statistic<State, unknown>;
  /** Forgets keys not seen since a time; absent where nothing can be forgotten. */
  readonly retire?: (state: State, before: Micros) => void;
  /** `now`: null for files. */
  readonly lines: (state: State, now: Micros | null) => readonly string[];
}

/**
 * How long a key that is not seen again stays (`max_retention_length`); null for ever. A file is counted whole unless
 * the configuration says otherwise: its numbers should not depend on how long it is.
 */
export function retentionOf(settings: Settings | undefined, ofFiles: boolean): Micros | null {
  const set = settings?.origins.has("statistics.max_retention_length") ?? false;
  return ofFiles && !set ? null : (settings?.statistics.max_retention_length ?? DAY);
}

export function sinceStart<State>({ spec, statistic, retire, lines }: Counting<State>, length: Micros | null): Report {
  const state = statistic.create();
  const retention =
    length === null || retire === undefined ? null : new Retention(length, (before) => retire(state, before));
  return {
    observe(event) {
      statistic.observe(state, event);
      retention?.reached(event.time_us);
    },
    remote: remoteOf<State>(spec, null, ({ newest }, counted) => {
      statistic.merge(state, counted);
      retention?.reached(newest);
    }),
    lines(now) {
      retention?.now(now ?? undefined);
      return lines(state, now);
    },
  };
}

/** A window slides by one of `steps` parts of itself; each part has tables of its own. */
export function overWindow<State>(
  { spec, statistic, lines }: Counting<State>,
  window_s: number,
  steps: number,
): Report {
  if (window_s < 1) {
    const hint = "write a length of time such as 10m";
    throw new Trouble("--window: at least one second", { exitCode: EXIT.usage, hint });
  }
  const step = Math.round((window_s * SECOND) / steps);
  const windows = new Windows(statistic, { span: step * steps, step });
  return {
    observe: (event) => windows.observe(event),
    remote: remoteOf<State>(spec, step, ({ slot, newest }, counted) => windows.include(slot, counted, newest)),
    lines(now) {
      const end = (Math.floor((now ?? windows.newest) / step) + 1) * step;
      return lines(windows.state(end - step * steps, end), now);
    },
  };
}

function remoteOf<State>(
  spec: CounterSpec | undefined,
  step: Micros | null,
  include: (counted: Counted, state: State) => void,
): RemoteCounting | undefined {
  if (spec === undefined) return undefined;
  return { counters: [{ spec, step }], take: (counted, state) => include(counted, state as State) };
}

/** Of several reports; none where one of them has to hear of every event. */
export function remoteOfAll(reports: readonly Report[]): RemoteCounting | undefined {
  const all = reports.map(({ remote }) => remote).filter((remote) => remote !== undefined);
  if (all.length < reports.length) return undefined;
  // each of them has one counter
  return {
    counters: all.flatMap(({ counters }) => counters),
    take: (counted, state) => all[counted.counter].take(counted, state),
  };
}

/** Reports of live traffic come again and again: each says when. */
export function timeOf(now: Micros | null): { readonly time?: string } {
  return now === null ? {} : { time: formatTime(now) };
}
