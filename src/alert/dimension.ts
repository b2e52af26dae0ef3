/**
 * Dimensions: by what an alert says where the excess comes from, and by what a rule can be split. Takes an event, gives
 * a short key; null where the event does not tell.
 */
import type { EarshotEvent, TransactionEvent } from "../core/event.ts";
import type { DimensionName } from "./schema.ts";

/** Longer keys are cut: an alert is for reading, and its tables must stay small. */
const KEY_LENGTH = 120;

const cut = (text: string | null | undefined): string | null =>
  text === null || text === undefined ? null : text.length > KEY_LENGTH ? `${text.slice(0, KEY_LENGTH)}…` : text;

function section(event: TransactionEvent): string | null {
  const path = event.request?.path;
  if (path === null || path === undefined) return null;
  const end = path.indexOf("/", 1);
  return `${event.request?.host ?? ""}${end === -1 ? path : path.slice(0, end)}`;
}

const VARIABLE = /^(\d+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16,}|[\w.~-]{40,})$/i;

/** A path with its changing parts taken out: `/users/17/cart` becomes `/users/{id}/cart`. */
export function pathTemplate(path: string): string {
  return path
    .slice(0, 1024)
    .split("/")
    .slice(0, 16)
    .map((part) => (VARIABLE.test(part) ? "{id}" : part))
    .join("/");
}

const TRANSACTION: Readonly<Record<DimensionName, (event: TransactionEvent) => string | null | undefined>> = {
  section,
  host: (event) => event.request?.host,
  path: (event) => {
    const path = event.labels?.["route"] ?? event.request?.path;
    return path === null || path === undefined ? null : pathTemplate(path);
  },
  client: (event) => event.flow.client.ip,
  server: (event) => `${event.flow.server.ip}:${event.flow.server.port}`,
  method: (event) => event.request?.method,
  status: (event) => (event.response === null ? null : String(event.response.status)),
  user_agent: (event) => event.request?.user_agent,
  process: (event) => (event.process.server ?? event.process.client)?.comm,
  container: (event) => {
    const container = (event.process.server ?? event.process.client)?.container;
    return container?.name ?? container?.id;
  },
};

/** The key of a transaction in a dimension. */
export function dimensionKey(dimension: DimensionName, event: TransactionEvent): string | null {
  return cut(TRANSACTION[dimension](event));
}

/** The key of any event in the dimensions that first-seen rules use. */
export function eventKey(dimension: "host" | "path" | "user_agent" | "client", event: EarshotEvent): string | null {
  if (event.type === "transaction") return dimensionKey(dimension, event);
  if (event.type !== "tls") return null;
  if (dimension === "host") return cut(event.server_name);
  return dimension === "client" ? event.flow.client.ip : null;
}
