/**
 * First-seen rules: a host, path template, user agent or client that was never there before. Takes events; gives one
 * notice for each new value, a few a minute at most. Pure, bounded.
 */
import type { EarshotEvent } from "../core/event.ts";
import { MINUTE, type Micros, SECOND } from "../core/units.ts";
import type { Predicate, Rule, RuleContext, SeriesStatus } from "./context.ts";
import { type KeyReader, newcomerReader } from "./dimension.ts";
import { fingerprint } from "./fingerprint.ts";
import { FirstSeenMemory, type MemorySnapshot } from "./first-seen-memory.ts";
import { alertId, alertRecord } from "./record.ts";
import type { FirstSeenRuleConfig } from "./schema.ts";
import { fillTemplates } from "./template.ts";

interface Snapshot {
  readonly memory: MemorySnapshot;
  readonly learned_from: Micros | null;
  readonly minute: number;
  readonly told: number;
  readonly untold: number;
}

export class FirstSeenRule implements Rule {
  readonly name: string;
  readonly step = 10 * SECOND;
  readonly fingerprint: string;
  readonly #config: FirstSeenRuleConfig;
  readonly #context: RuleContext;
  readonly #matches: Predicate | null;
  readonly #read: KeyReader;
  #memory: FirstSeenMemory;
  #learnedFrom: Micros | null = null;
  #minute = -1;
  #told = 0;
  /** New values since the last notice that were not told one by one. */
  #untold = 0;
  #now: Micros = 0;

  constructor(config: FirstSeenRuleConfig, matches: Predicate | null, context: RuleContext) {
    this.name = config.name;
    this.fingerprint = fingerprint(config.scope, config.of);
    this.#config = config;
    this.#context = context;
    this.#matches = matches;
    this.#read = newcomerReader(config.of);
    this.#memory = new FirstSeenMemory(config.memory);
  }

  observe(event: EarshotEvent): void {
    if (this.#matches !== null && !this.#matches(event)) return;
    const key = this.#read(event);
    if (key === null) return;
    this.#learnedFrom ??= event.time_us;
    const fresh = this.#memory.see(key, () => this.#context.evict(`alert.first-seen.${this.name}`));
    if (!fresh || event.time_us - this.#learnedFrom < this.#config.learn) return;
    this.#tell(key, event);
  }

  evaluate(time: Micros): void {
    this.#now = time;
  }

  begin(): void {}

  gap(): void {}

  rebase(shift: Micros): void {
    if (this.#learnedFrom !== null) this.#learnedFrom += shift;
    this.#minute = -1;
  }

  relearn(time: Micros): void {
    this.#memory = new FirstSeenMemory(this.#config.memory);
    this.#learnedFrom = time;
  }

  status(): SeriesStatus[] {
    const learning = this.#learnedFrom === null || this.#now - this.#learnedFrom < this.#config.learn;
    const state = learning ? "learning" : "normal";
    return [
      {
        ...{ rule: this.name, group: null, series: "first-seen", unit: this.#config.of, state },
        ...{ value: this.#memory.size, m: null, s: null, up: null, low: null },
        ...{ windows: 0, windows_wanted: 0, attempt: 1, suspect: false },
        text: `${this.name}: ${this.#memory.size} known values of ${this.#config.of}, ${state}`,
      },
    ];
  }

  serialize(): Snapshot {
    return {
      memory: this.#memory.serialize(),
      learned_from: this.#learnedFrom,
      minute: this.#minute,
      told: this.#told,
      untold: this.#untold,
    };
  }

  restore(saved: unknown): void {
    const { memory, learned_from, minute, told, untold } = saved as Snapshot;
    this.#memory.restore(memory);
    this.#learnedFrom = learned_from;
    this.#minute = minute;
    this.#told = told;
    this.#untold = untold;
  }

  #tell(key: string, event: EarshotEvent): void {
    const minute = Math.floor(event.time_us / MINUTE);
    if (minute > this.#minute) {
      this.#minute = minute;
      this.#told = 0;
    }
    if (this.#told >= this.#config.per_minute) {
      this.#untold++;
      return;
    }
    this.#told++;
    const { name, scope, of, severity, labels, annotations } = this.#config;
    const more = this.#untold === 0 ? "" : ` (and ${this.#untold} more that were not told one by one)`;
    this.#untold = 0;
    const names = { rule: name, scope, severity, value: key };
    const record = alertRecord(event.time_us, {
      id: alertId("n", name, key, event.time_us),
      rule: name,
      scope,
      state: "first-seen",
      severity,
      summary: `FIRST SEEN ${of} ${key}${more}`,
      contributors: [{ dimension: of, key, now: 1, usual: 0, share_of_excess: 1, new: true }],
      samples: [event.id],
      labels: fillTemplates(labels, names),
      annotations: fillTemplates(annotations, names),
    });
    this.#context.emit(record, "notice");
  }
}
