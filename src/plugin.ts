/** What plug-in authors import as `earshot`: `definePlugin` and the types of everything it takes (docs/plugins.md). */
import type { Plugin } from "./core/roles.ts";

/** A plug-in as it is; for its types. Export it as the file's default. */
export function definePlugin(plugin: Plugin): Plugin {
  return plugin;
}

export type {
  AlertEvent,
  Body,
  EarshotEvent,
  Endpoint,
  Fields,
  FlowInfo,
  Outcome,
  RequestInfo,
  ResponseInfo,
  TlsEvent,
  TransactionEvent,
} from "./core/event.ts";
export type { CloseReason, Flow, HalfIndex } from "./core/flow.ts";
export type { ContainerInfo, PodInfo, ProcessInfo } from "./core/process.ts";
export type { Detection, FlowParser, Protocol } from "./core/protocol.ts";
export type {
  Detector,
  Enricher,
  Finding,
  KernelTimes,
  Plugin,
  PluginContext,
  Sink,
  Statistic,
} from "./core/roles.ts";
export { Trouble } from "./core/trouble.ts";
export type { Micros } from "./core/units.ts";
