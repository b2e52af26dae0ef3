/**
 * What each client does in web applications ("uploads a file in Dropbox"): an enricher gives each exchange a label
 * `action`, and a statistic counts actions by client. Both look at method, host and path alone.
 *
 *     earshot stats --plugin saas-actions.ts capture.pcap
 *     earshot top --by client,label:action --plugin saas-actions.ts
 */
import { definePlugin, type TlsEvent, type TransactionEvent } from "earshot";

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
const OTHER = "(other)";

type Counts = Map<string, Count>;

function add(counts: Counts, key: string, requests: number, errors: number): void {
  const counted = counts.has(key) || counts.size < MOST_KEYS ? key : OTHER;
  const count = counts.get(counted) ?? { requests: 0, errors: 0 };
  count.requests += requests;
  count.errors += errors;
  counts.set(counted, count);
}

export default definePlugin({
  name: "saas-actions",
  enrichers: [
    {
      name: "action",
      enrich(event) {
        const action = actionOf(event);
        return action === null ? event : { ...event, labels: { ...event.labels, action } };
      },
    },
  ],
  statistics: [
    {
      name: "saas-actions",
      title: "SaaS actions by client",
      unit: "requests",
      create: (): Counts => new Map(),
      observe(state, event: TransactionEvent | TlsEvent) {
        if (event.type !== "transaction") return;
        const action = actionOf(event);
        if (action === null) return;
        const failed = (event.response?.status ?? 0) >= 400;
        add(state as Counts, `${event.flow.client.ip} ${action}`, 1, failed ? 1 : 0);
      },
      merge(into, from) {
        for (const [key, { requests, errors }] of from as Counts) add(into as Counts, key, requests, errors);
      },
      report(state) {
        const rows = [...(state as Counts)].map(([key, count]) => {
          const space = key.indexOf(" ");
          const [client, action] = space < 0 ? [key, ""] : [key.slice(0, space), key.slice(space + 1)];
          return { client, action, requests: count.requests, errors: count.errors };
        });
        return rows.sort(
          (a, b) => b.requests - a.requests || (`${a.client} ${a.action}` < `${b.client} ${b.action}` ? -1 : 1),
        );
      },
    },
  ],
});
