/**
 * `--ui seed`: the console monitor's own screens: its lines, colours, titles, learning countdown, alert and dismissal
 * texts, at its refresh rate and with all its settings. Pure: takes events and the time, gives screens as lines;
 * `startSeedDashboard` prints them. Alerts come from the `seed` profile of src/alert, counts from src/stats.
 *
 * The text of the rows is the original's; colours are those of its terminal library: white on black titles, numbers in
 * blue, alert numbers in yellow. What it got wrong and is not copied: sleeping instead of reading a clock, threads
 * without locks, counting packets where exchanges are meant.
 */

import {
  type SeedLine,
  type SeedTint,
  seedEnforceLines,
  seedLearningLines,
  seedLineText,
} from "../../alert/seed-messages.ts";
import { SeedProfile } from "../../alert/seed-profile.ts";
import type { EarshotEvent, TransactionEvent } from "../../core/event.ts";
import { MILLISECOND, type Micros, SECOND } from "../../core/units.ts";
import { Overview, type OverviewState } from "../../stats/overview.ts";
import { seedReport } from "../../stats/seed-report.ts";
import type { TerminalOutput } from "./terminal.ts";
import { type Environment, themeFor } from "./theme.ts";

/** The console monitor's settings under their own names; seconds and percent. */
export interface SeedUiSettings {
  /** How often it looks: the learning screen's refresh and the steps of all countdowns. */
  readonly timeout: number;
  /** How often the dashboard is printed. */
  readonly dashboard_bucket_size: number;
  readonly average_bucket_size: number;
  readonly average_threshold: number;
  readonly average_learning_duration: number;
  readonly max_str_length: number;
  readonly max_top_hits: number;
  readonly max_retention_length: number;
}

export const SEED_UI_DEFAULTS: SeedUiSettings = {
  timeout: 2,
  dashboard_bucket_size: 10,
  average_bucket_size: 120,
  average_threshold: 10,
  average_learning_duration: 120,
  max_str_length: 1_024,
  max_top_hits: 10,
  max_retention_length: 86_400,
};

/** Lines, coloured when asked for. */
export type SeedScreen = readonly string[];

/** After a longer silence than so many looks, those in between are left out: nothing was shown in them that stays. */
const MOST_LOOKS = 1_000;

/** SGR codes as the console monitor's terminal library sent them. */
const CODES: Readonly<Record<SeedTint, string>> = {
  ...{ blue: "34", yellow: "33", red: "31", green: "32" },
  ...{ "white on grey": "40;37", "yellow on grey": "40;33" },
};

export class SeedDashboard {
  readonly settings: SeedUiSettings;
  readonly profile: SeedProfile;
  private readonly overview: Overview;
  private readonly hits: OverviewState;
  private readonly utcOffset_s: number;
  private readonly colours: boolean;
  private nextLook: Micros | null = null;
  private printIn_s: number;
  private waiting: SeedScreen | null = null;

  constructor(settings: Partial<SeedUiSettings> = {}, options: { utcOffset_s?: number; colours?: boolean } = {}) {
    this.settings = { ...SEED_UI_DEFAULTS, ...settings };
    this.utcOffset_s = options.utcOffset_s ?? 0;
    this.colours = options.colours ?? false;
    this.printIn_s = this.settings.dashboard_bucket_size;
    this.profile = new SeedProfile({
      bucket: this.settings.average_bucket_size * SECOND,
      learning: this.settings.average_learning_duration * SECOND,
      threshold_pct: this.settings.average_threshold,
      retention: this.settings.max_retention_length * SECOND,
      tick: this.settings.timeout * SECOND,
    });
    this.overview = new Overview({
      dimensions: ["section", "domain", "user-agent", "method", "status-line"],
      maxLength: this.settings.max_str_length,
    });
    this.hits = this.overview.create();
  }

  event(event: EarshotEvent): void {
    if (event.type !== "transaction") return;
    this.lookUpTo(event.time_us);
    this.count(event);
  }

  /** Time has come to `now`. The newest screen that is due, null when none is. */
  advance(now: Micros): SeedScreen | null {
    this.lookUpTo(now);
    const screen = this.waiting;
    this.waiting = null;
    return screen;
  }

  private count(event: TransactionEvent): void {
    if (event.request !== null) this.profile.observe(event.time_us);
    // hits are not counted before it has learned
    if (this.profile.state !== "learn_baseline") this.overview.observe(this.hits, event);
  }

  private lookUpTo(now: Micros): void {
    const step = this.settings.timeout * SECOND;
    if (this.nextLook === null) {
      this.profile.advance(now);
      this.nextLook = now + step;
    }
    if (now - this.nextLook > MOST_LOOKS * step) {
      this.nextLook += (Math.floor((now - this.nextLook) / step) - MOST_LOOKS) * step;
    }
    for (; this.nextLook <= now; this.nextLook += step) this.look(this.nextLook);
  }

  private look(time: Micros): void {
    const { profile, settings } = this;
    const learning = profile.state === "learn_baseline";
    const { count, attempts } = profile;
    profile.advance(time);
    if (learning) {
      const over = profile.state !== "learn_baseline" || profile.attempts !== attempts;
      this.waiting = over ? this.learningScreen(count, 0) : this.learningScreen(profile.count, profile.countdown_s());
      if (profile.state === "learn_baseline") return;
    }
    this.printIn_s -= settings.timeout;
    if (this.printIn_s > 0) return;
    this.printIn_s = settings.dashboard_bucket_size;
    this.waiting = this.mainScreen(time);
  }

  private learningScreen(count: number, countdown_s: number): SeedScreen {
    return seedLearningLines(this.profile, { count, countdown_s }).map((line) => this.paint(line));
  }

  private mainScreen(time: Micros): SeedScreen {
    const { profile, settings } = this;
    profile.trim(time);
    this.overview.retire(this.hits, time - settings.max_retention_length * SECOND);
    return [
      "",
      ...seedEnforceLines(profile, () => this.utcOffset_s).map((line) => this.paint(line)),
      ...seedReport(this.overview, this.hits, {
        limit: settings.max_top_hits,
        offset_s: this.utcOffset_s,
        color: this.colours,
      }),
    ];
  }

  private paint(line: SeedLine): string {
    if (!this.colours) return seedLineText(line);
    return line
      .map((part) => (typeof part === "string" ? part : `\x1b[${CODES[part.tint]}m${part.text}\x1b[0m`))
      .join("");
  }
}

export function seedText(screen: SeedScreen): string {
  return screen.map((line) => `${line}\n`).join("");
}

export interface SeedDashboardOptions {
  readonly output: TerminalOutput & { readonly isTTY?: boolean };
  readonly environment: Environment;
  readonly settings?: Partial<SeedUiSettings>;
  readonly now?: () => Micros;
  /** The output went away. */
  readonly onQuit: (reason: string) => void;
}

const CLEAR = "\x1b[H\x1b[2J";
/** How often the time is looked at; screens come at the settings' own rate. */
const LOOK_EVERY_MS = 200;

/** Prints the console monitor's screens until `stop`: each over the last one on a terminal, one after the other in a file. */
export function startSeedDashboard(options: SeedDashboardOptions): { event(event: EarshotEvent): void; stop(): void } {
  const { output } = options;
  const now = options.now ?? (() => Date.now() * MILLISECOND);
  const terminal = output.isTTY === true;
  const dashboard = new SeedDashboard(options.settings, {
    utcOffset_s: -60 * new Date().getTimezoneOffset(),
    colours: terminal && themeFor(options.environment).colours !== "none",
  });
  const gone = () => {
    stop();
    options.onQuit("closed");
  };
  const look = () => {
    const screen = dashboard.advance(now());
    if (screen !== null) output.write((terminal ? CLEAR : "") + seedText(screen));
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  const stop = () => {
    clearInterval(timer);
    output.removeListener("error", gone);
  };
  output.on("error", gone);
  look();
  return { event: (event) => dashboard.event(event), stop };
}
