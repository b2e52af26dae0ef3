/**
 * What each client does in web applications ("uploads a file in Dropbox"): an enricher gives each exchange a label
 * `action`, and a statistic counts actions by client. Both look at method, host and path alone.
 *
 *     earshot stats --plugin saas-actions.ts capture.pcap
 *     earshot top --by client,label:action --plugin saas-actions.ts
 */
import { definePlugin, type Statistic, type TransactionEvent } from "earshot";

/** Rules are tried in order; the first that fits names the action. Add your own. */
const ACTIONS = [
  { action: "Dropbox: upload", host: /(^|\.)dropboxapi\.com$/, path: /^\/2\/files\/upload/, method: "POST" },
  { action: "Dropbox: download", host: /(^|\.)dropboxapi\.com$/, path: /^\/2\/files\/download/, method: "POST" },
  { action: "Slack: send message", host: /(^|\.)slack\.com$/, path: /^\/api\/chat\.postMessage/, method: "POST" },
  { action: "GitHub: push", host: /(^|\.)github\.com$/, path: /\/git-receive-pack$/, method: "POST" },
  { action: "GitHub: clone or fetch", host: /(^|\.)github\.com$/, path: /\/git-upload-pack$/, method: "POST" },
  {
    action: "Jira: create issue",
    host: /(^|\.)atlassian\.net$/,
    path: /^\/rest\/api\/[23]\/issue\/?$/,
    method: "POST",
  },
  { action: "Salesforce: query", host: /(^|\.)salesforce\.com$/, path: /\/query\/?$/, method: "GET" },
] as const;

export function actionOf(event: TransactionEvent): string | null {
  const { request } = event;
  if (request === null || request.host === null || request.path === null) return null;
  const host = request.host.toLowerCase().replace(/:\d+$/, "");
  const { method, path } = request;
  const found = ACTIONS.find((rule) => rule.method === method && rule.host.test(host) && rule.path.test(path));
  return found?.action ?? null;
}

interface Count {
  requests: number;
  errors: number;
}

/** Clients times actions; what comes when the table is full is counted together. */
const MOST_KEYS = 2_000;
const OTHER = "(other) (other)";

type Counts = Map<string, Count>;

function add(counts: Counts, key: string, more: Count): void {
  const counted = counts.has(key) || counts.size < MOST_KEYS ? key : OTHER;
  const { requests, errors } = counts.get(counted) ?? { requests: 0, errors: 0 };
  counts.set(counted, { requests: requests + more.requests, errors: errors + more.errors });
}

interface Row extends Count {
  readonly client: string;
  readonly action: string;
}

const order = ({ client, action }: Row) => `${client} ${action}`;

const actionsByClient: Statistic<Counts, Row[]> = {
  name: "saas-actions",
  title: "SaaS actions by client",
  unit: "requests",
  create: () => new Map(),
  observe(counts, event) {
    const action = event.type === "transaction" ? actionOf(event) : null;
    if (event.type !== "transaction" || action === null) return;
    const failed = (event.response?.status ?? 0) >= 400;
    add(counts, `${event.flow.client.ip} ${action}`, { requests: 1, errors: failed ? 1 : 0 });
  },
  merge(into, from) {
    for (const [key, count] of from) add(into, key, count);
  },
  report(counts) {
    const rows = [...counts].map(([key, count]) => {
      const space = key.indexOf(" ");
      return { client: key.slice(0, space), action: key.slice(space + 1), ...count };
    });
    return rows.sort((a, b) => b.requests - a.requests || (order(a) < order(b) ? -1 : 1));
  },
};

export default definePlugin({
  name: "saas-actions",
  statistics: [actionsByClient],
  enrichers: [
    {
      name: "action",
      enrich(event) {
        const action = actionOf(event);
        return action === null ? event : { ...event, labels: { ...event.labels, action } };
      },
    },
  ],
});
