/**
 * The registry of what plug-ins bring: statistics, enrichers, detectors, sinks, protocols. Takes plug-ins, checks them,
 * and gives out their parts behind guards: one that throws while it runs is switched off as a whole, told once and
 * counted (`Ledger.pluginFailures`); the monitor goes on. What ships (src/builtin.ts) comes through the same door.
 */
import type { EarshotEvent } from "../core/event.ts";
import type { Ledger } from "../core/ledger.ts";
import { nearest } from "../core/nearest.ts";
import { printable } from "../core/printable.ts";
import type { Protocol } from "../core/protocol.ts";
import type { Detector, Enricher, Plugin, PluginContext, Sink, Statistic } from "../core/roles.ts";
import { EXIT, Trouble } from "../core/trouble.ts";
import { detectorEnricher, guardedEnricher, guardedProtocol, guardedSink, guardedStatistic } from "./plugin-guard.ts";
import { checkPlugin } from "./plugin-shape.ts";

/** Runs calls into one plug-in. */
export class Guard {
  readonly plugin: string;
  /** Why it is off; null while it runs. */
  failure: string | null = null;
  private readonly registry: Registry;

  constructor(plugin: string, registry: Registry) {
    this.plugin = plugin;
    this.registry = registry;
  }

  /** What `call` gives; `otherwise` when the plug-in is off, or throws now. */
  run<T>(part: string, otherwise: T, call: () => T): T {
    if (this.failure !== null) return otherwise;
    try {
      return call();
    } catch (error) {
      this.fail(part, error);
      return otherwise;
    }
  }

  fail(part: string, error: unknown): void {
    if (this.failure !== null) return;
    this.failure = `${part}: ${firstLine(error)}`;
    this.registry.failed(this.plugin, this.failure, error);
  }
}

/** The message of whatever was thrown, as one line that is safe on a terminal. */
export function firstLine(error: unknown): string {
  try {
    const text = error instanceof Error ? error.message || error.name : String(error);
    return printable(text.split("\n")[0]).slice(0, 300);
  } catch {
    return "something that cannot be shown was thrown";
  }
}

export class Registry {
  readonly statistics: Statistic[] = [];
  readonly enrichers: Enricher[] = [];
  readonly sinks: Sink[] = [];
  readonly protocols: Protocol[] = [];
  /** Names of all plug-ins but what ships. */
  readonly names: string[] = [];
  private readonly guards: Guard[] = [];
  private readonly plugins: { readonly plugin: Plugin; readonly guard: Guard }[] = [];
  private readonly origins = new Map<string, string>();
  private ledger: Ledger | null = null;
  private onNotice: (line: string) => void = (line) => process.stderr.write(`earshot: ${line}\n`);

  /** Takes what ships: trusted, without guards. */
  addBuiltin(plugin: Plugin): this {
    this.claim("plug-in", plugin.name, "earshot itself");
    this.statistics.push(...(plugin.statistics ?? []));
    this.enrichers.push(...(plugin.enrichers ?? []));
    const detectors = plugin.detectors ?? [];
    if (detectors.length > 0) this.enrichers.push(detectorEnricher(detectors, (_part, _otherwise, call) => call()));
    this.sinks.push(...(plugin.sinks ?? []));
    this.protocols.push(...(plugin.protocols ?? []));
    return this;
  }

  /** Takes what a file exported. `origin` names the file, for messages. Throws Trouble when it is no plug-in. */
  add(exported: unknown, origin: string): this {
    const plugin = checkPlugin(exported, origin);
    this.claim("plug-in", plugin.name, origin);
    for (const statistic of plugin.statistics ?? []) this.claim("statistic", statistic.name, origin);
    for (const sink of plugin.sinks ?? []) this.claim("sink", sink.name, origin);
    for (const protocol of plugin.protocols ?? []) this.claim("protocol", protocol.name, origin);
    const guard = new Guard(plugin.name, this);
    this.guards.push(guard);
    this.names.push(plugin.name);
    this.plugins.push({ plugin, guard });
    this.takeParts(plugin, guard);
    return this;
  }

  private takeParts(plugin: Plugin, guard: Guard): void {
    this.statistics.push(...(plugin.statistics ?? []).map((one) => guardedStatistic(one, guard)));
    this.enrichers.push(...(plugin.enrichers ?? []).map((one) => guardedEnricher(one, guard)));
    const detectors: readonly Detector[] = plugin.detectors ?? [];
    if (detectors.length > 0) {
      this.enrichers.push(detectorEnricher(detectors, (part, otherwise, call) => guard.run(part, otherwise, call)));
    }
    this.sinks.push(...(plugin.sinks ?? []).map((one) => guardedSink(one, guard)));
    this.protocols.push(...(plugin.protocols ?? []).map((one) => guardedProtocol(one, guard)));
  }

  /** A name is asked for by users, so nobody may take another's. */
  private claim(kind: string, name: string, origin: string): void {
    const key = `${kind} ${name}`;
    const other = this.origins.get(key);
    if (other !== undefined) {
      const where = other === origin ? "twice" : `already by ${other}`;
      throw new Trouble(`${origin}: a ${kind} called \`${printable(name)}\` is defined ${where}`, {
        exitCode: EXIT.usage,
        hint: "give it another name",
      });
    }
    this.origins.set(key, origin);
  }

  /** The run has begun: failures are counted and told there, and plug-ins are started. */
  start(run: {
    readonly ledger: Ledger;
    readonly onNotice: (line: string) => void;
    readonly emit: (event: EarshotEvent) => void;
  }): void {
    this.ledger = run.ledger;
    this.onNotice = run.onNotice;
    for (const { plugin, guard } of this.plugins) {
      const context: PluginContext = {
        emit: (event) => {
          if (guard.failure === null) run.emit(event);
        },
        notice: (line) => run.onNotice(`plug-in ${plugin.name}: ${printable(String(line))}`),
      };
      guard.run("start", undefined, () => plugin.start?.(context));
    }
  }

  failed(plugin: string, why: string, error: unknown): void {
    const counts = this.ledger?.pluginFailures;
    counts?.set(plugin, (counts.get(plugin) ?? 0) + 1);
    const trace = process.env.EARSHOT_DEBUG && error instanceof Error ? `\n${error.stack}` : "";
    this.onNotice(`plug-in ${plugin} failed and is switched off (${why})${trace}`);
  }

  /** Plug-ins that were switched off, and why. */
  get failures(): ReadonlyMap<string, string> {
    return new Map(this.guards.flatMap(({ plugin, failure }) => (failure === null ? [] : [[plugin, failure]])));
  }

  statistic(name: string): Statistic {
    return this.named("statistic", this.statistics, name);
  }

  sink(name: string): Sink {
    return this.named("sink", this.sinks, name);
  }

  private named<Part extends { readonly name: string }>(kind: string, parts: readonly Part[], name: string): Part {
    const found = parts.find((part) => part.name === name);
    if (found !== undefined) return found;
    const names = parts.map((part) => part.name);
    const near = nearest(name, names);
    const offered = names.length === 0 ? `no plug-in brings a ${kind}: name one with --plugin FILE` : names.join(", ");
    throw new Trouble(`no plug-in brings a ${kind} called \`${printable(name)}\``, {
      exitCode: EXIT.usage,
      hint: near === null ? (names.length === 0 ? offered : `there is ${offered}`) : `did you mean \`${near}\`?`,
    });
  }
}
