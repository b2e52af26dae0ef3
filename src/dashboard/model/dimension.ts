/** What exchanges can be ranked by, and the value each exchange has there. null: this exchange has none. */
import { formatEndpoint } from "../../core/address.ts";
import type { TransactionEvent } from "../../core/event.ts";
import type { ProcessInfo } from "../../core/process.ts";
import { section } from "../../core/target.ts";

export interface Dimension {
  readonly name: string;
  readonly title: string;
  value(event: TransactionEvent): string | null;
}

/** Longest value kept as a key; what is cut is marked. */
const LONGEST_KEY = 256;

function bounded(text: string | null | undefined): string | null {
  if (text === null || text === undefined || text === "") return null;
  return text.length <= LONGEST_KEY ? text : `${text.slice(0, LONGEST_KEY - 1)}…`;
}

function containerOf(process: ProcessInfo | null): string | null {
  const container = process?.container;
  if (container === undefined) return null;
  return container.name ?? container.id.slice(0, 12);
}

/** Media type without parameters. */
function mediaType(value: string | null | undefined): string | null {
  if (value === null || value === undefined) return null;
  const end = value.indexOf(";");
  return (end < 0 ? value : value.slice(0, end)).trim().toLowerCase();
}

export const DIMENSIONS: readonly Dimension[] = [
  {
    name: "section",
    title: "Section",
    value: ({ request }) => (request === null ? null : bounded(section(request.host, request.path))),
  },
  { name: "host", title: "Host", value: ({ request }) => bounded(request?.host?.toLowerCase()) },
  { name: "path", title: "Path", value: ({ request }) => bounded(request?.path) },
  { name: "status", title: "Status", value: ({ response }) => (response === null ? null : String(response.status)) },
  { name: "method", title: "Method", value: ({ request }) => bounded(request?.method) },
  { name: "client", title: "Client", value: ({ flow }) => flow.client.ip },
  { name: "server", title: "Server", value: ({ flow }) => formatEndpoint(flow.server) },
  { name: "agent", title: "User agent", value: ({ request }) => bounded(request?.user_agent) },
  { name: "type", title: "Content type", value: ({ response }) => bounded(mediaType(response?.content_type)) },
  {
    name: "process",
    title: "Process",
    value: (event) => bounded((event.process.server ?? event.process.client)?.comm),
  },
  {
    name: "container",
    title: "Container",
    value: (event) => bounded(containerOf(event.process.server) ?? containerOf(event.process.client)),
  },
  { name: "country", title: "Country", value: ({ labels }) => bounded(labels?.["country"]) },
];
