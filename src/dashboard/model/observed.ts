/** Values seen for a field of the filter language, most frequent first, taken from the rankings: for completion. */
import { DIMENSIONS, type Dimension } from "./dimension.ts";
import type { TopRow } from "./tops.ts";

/** Which dimension knows a field's values. */
const FIELD_DIMENSIONS: Readonly<Record<string, string>> = {
  "request.host": "domain",
  "request.path": "route",
  "request.method": "method",
  "request.user_agent": "user-agent",
  "response.status": "status",
  "response.content_type": "content-type",
  "flow.client.ip": "client",
  "process.server.comm": "process",
  "process.client.comm": "process",
  section: "section",
  host: "domain",
  path: "route",
  method: "method",
  user_agent: "user-agent",
  status: "status",
  content_type: "content-type",
  client: "client",
  country: "label:country",
  "labels.country": "label:country",
};

export function observedValues(field: string, rows: (dimension: Dimension) => readonly TopRow[]): readonly string[] {
  const name = FIELD_DIMENSIONS[field];
  const dimension = DIMENSIONS.find((candidate) => candidate.name === name);
  return dimension === undefined ? [] : rows(dimension).map((row) => row.key);
}
