/** The parts of plug-ins behind a guard: each looks like the part, and is nothing once its plug-in is switched off. */
import type { EarshotEvent, TransactionEvent } from "../core/event.ts";
import type { FlowParser, Protocol } from "../core/protocol.ts";
import type { Detector, Enricher, Sink, Statistic } from "../core/roles.ts";
import { within } from "../sink/output/within.ts";
import type { Guard } from "./plugins.ts";

type Run = <T>(part: string, otherwise: T, call: () => T) => T;

export function guardedStatistic(statistic: Statistic, guard: Guard): Statistic {
  const part = `statistic ${statistic.name}`;
  return {
    name: statistic.name,
    unit: statistic.unit,
    title: statistic.title,
    create: () => guard.run<unknown>(part, null, () => statistic.create()),
    observe: (state, event) => guard.run(part, undefined, () => statistic.observe(state, event)),
    merge: (into, from) => guard.run(part, undefined, () => statistic.merge(into, from)),
    report: (state) => guard.run<unknown>(part, null, () => statistic.report(state)) ?? offReport(guard),
  };
}

function offReport(guard: Guard): unknown {
  return guard.failure === null ? null : { "switched off": guard.failure };
}

export function guardedEnricher(enricher: Enricher, guard: Guard): Enricher {
  const part = `enricher ${enricher.name}`;
  const run = <T>(otherwise: T, call: () => T) => guard.run(part, otherwise, call);
  const has = (name: keyof Enricher) => typeof enricher[name] === "function";
  // only what is there is offered: events must be made plain for one that enriches them
  return {
    name: enricher.name,
    ...(has("flowOpened") && { flowOpened: (flow) => run(undefined, () => enricher.flowOpened!(flow)) }),
    ...(has("interfaceOpened") && { interfaceOpened: (info) => run(undefined, () => enricher.interfaceOpened!(info)) }),
    ...(has("flowComment") && { flowComment: (...given) => run(undefined, () => enricher.flowComment!(...given)) }),
    ...(has("flowUsed") && { flowUsed: (flow) => run(undefined, () => enricher.flowUsed!(flow)) }),
    ...(has("kernelTimes") && { kernelTimes: (...given) => run(null, () => enricher.kernelTimes!(...given)) }),
    ...(has("enrich") && { enrich: (event) => run(event, () => checkedEvent(enricher.enrich!(event), event)) }),
    ...(has("close") && { close: () => run(undefined, () => enricher.close!()) }),
  } as Enricher;
}

function checkedEvent(enriched: TransactionEvent, event: TransactionEvent): TransactionEvent {
  if (enriched?.type === event.type) return enriched;
  throw new Error("enrich gave no transaction back");
}

/** Findings stand on the event as labels: `finding.<code>` is `severity: message`. */
export function detectorEnricher(detectors: readonly Detector[], run: Run): Enricher {
  return {
    name: detectors.map(({ name }) => name).join(", "),
    enrich(event) {
      const labels: Record<string, string> = {};
      for (const detector of detectors) {
        const found = run(`detector ${detector.name}`, {}, () => labelsOf(detector, event));
        Object.assign(labels, found);
      }
      return Object.keys(labels).length === 0 ? event : { ...event, labels: { ...event.labels, ...labels } };
    },
  };
}

const MOST_FINDINGS = 20;
const LONGEST_MESSAGE = 500;

function labelsOf(detector: Detector, event: TransactionEvent): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const { code, severity, message } of detector.inspect(event, event.time_us).slice(0, MOST_FINDINGS)) {
    labels[`finding.${code}`] = `${severity}: ${message}`.slice(0, LONGEST_MESSAGE);
  }
  return labels;
}

/** What a sink may take to write out what it queued. */
const CLOSING_MS = 5_000;

/** A promise that an author's `write` gave back may fail too. */
export function guardedSink(sink: Sink, guard: Guard): Sink {
  const part = `sink ${sink.name}`;
  const watched = (result: unknown) => {
    if (result instanceof Promise) result.catch((error) => guard.fail(part, error));
  };
  return {
    name: sink.name,
    write: (event: EarshotEvent) => guard.run(part, undefined, () => watched(sink.write(event))),
    async close() {
      const closing = guard.run<Promise<void> | undefined>(part, undefined, () => sink.close?.());
      await within(
        Promise.resolve(closing).catch((error) => guard.fail(part, error)),
        CLOSING_MS,
      );
    },
  };
}

export function guardedProtocol(protocol: Protocol, guard: Guard): Protocol {
  const part = `protocol ${protocol.name}`;
  const run = <T>(otherwise: T, call: () => T) => guard.run(part, otherwise, call);
  return {
    name: protocol.name,
    detect: (bytes, start, end) => run("no" as const, () => protocol.detect(bytes, start, end)),
    ...(protocol.search !== undefined && {
      search: (bytes: Uint8Array, start: number, end: number) => run(-1, () => protocol.search!(bytes, start, end)),
    }),
    open: (flow, from) =>
      guardedParser(
        run<FlowParser | null>(null, () => protocol.open(flow, from)),
        run,
      ),
  };
}

function guardedParser(parser: FlowParser | null, run: <T>(otherwise: T, call: () => T) => T): FlowParser {
  return {
    data: (...given) => run(undefined, () => parser?.data(...given)),
    gap: (...given) => run(undefined, () => parser?.gap(...given)),
    retransmitted: (...given) => run(undefined, () => parser?.retransmitted?.(...given)),
    finished: (...given) => run(undefined, () => parser?.finished?.(...given)),
    close: (...given) => run(undefined, () => parser?.close(...given)),
  };
}
