/** Alert records as the texts that receivers take: lines, JSON, Slack's and Alertmanager's payloads. Pure. */
import type { AlertEvent } from "../../core/event.ts";
import { printable, printableJson } from "../../core/printable.ts";
import type { AlertmanagerConfig } from "./schema.ts";

/** `2026-01-31T10:20:30Z CRITICAL HIGH requests: …`; nothing from the wire can act on a terminal. */
export function consoleLine(event: AlertEvent): string {
  return `${event.time.slice(0, 19)}Z ${event.severity.toUpperCase()} ${printable(event.summary)}`;
}

/** The record as it is, on one line that is also safe to print. */
export function jsonLine(event: AlertEvent): string {
  return printableJson(JSON.stringify(event));
}

const COLORS = { info: "#439fe0", warning: "#daa038", critical: "#a30200" } as const;
const RESOLVED_COLOR = "#2eb886";

/** Slack's control characters; a captured path must not call `<!channel>`. */
function slackText(text: string): string {
  return printable(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** An incoming-webhook payload; Mattermost, Rocket.Chat and Discord's `/slack` take it too. */
export function slackPayload(event: AlertEvent): string {
  const fields = [
    ...event.contributors
      .filter((row) => row.share_of_excess >= 0.1)
      .slice(0, 6)
      .map((row) => ({
        title: slackText(`${row.dimension} (${Math.round(row.share_of_excess * 100)} %)`),
        value: slackText(`${row.key}: ${row.now}, usual ${row.usual}${row.new ? ", new" : ""}`),
        short: true,
      })),
    ...(event.samples.length === 0
      ? []
      : [{ title: "Examples", value: slackText(event.samples.join(", ")), short: true }]),
  ];
  return JSON.stringify({
    text: slackText(event.summary),
    attachments: [
      {
        color: event.state === "resolved" ? RESOLVED_COLOR : COLORS[event.severity],
        fallback: slackText(event.summary),
        fields,
        footer: slackText(`earshot ${event.rule} ${event.id}`),
        ts: Math.floor(event.time_us / 1e6),
      },
    ],
  });
}

/** Open states, which Alertmanager is to show as firing; anything else but `resolved` is told as a short alert. */
const OPEN: readonly AlertEvent["state"][] = ["pending", "firing", "resolving", "flapping", "no-data"];
/** How long something that only happened (a first-seen host) stays firing there. */
const NOTICE_MS = 5 * 60_000;

/**
 * The body of `POST /api/v2/alerts`. The severity is a label there, and labels are an alert's identity: when it rises,
 * the former alert is ended in the same call.
 */
export function alertmanagerPayload(event: AlertEvent, config: AlertmanagerConfig): string {
  const resolved = event.state === "resolved";
  const time = event.time_us / 1000;
  const hold = OPEN.includes(event.state) ? config.hold_s * 1000 : NOTICE_MS;
  const one = (severity: AlertEvent["severity"], ended: boolean) => ({
    labels: alertmanagerLabels(event, severity, config.labels),
    annotations: { ...event.annotations, summary: printable(event.summary), id: event.id },
    startsAt: event.active_at ?? event.time,
    endsAt: new Date(ended ? time : time + hold).toISOString(),
  });
  const alerts = [one(event.severity, resolved)];
  if (event.severity === "critical" && event.baseline !== null) alerts.push(one("warning", true));
  return JSON.stringify(alerts);
}

function alertmanagerLabels(
  event: AlertEvent,
  severity: AlertEvent["severity"],
  more: Readonly<Record<string, string>>,
): Record<string, string> {
  const key = event.state === "first-seen" ? (event.contributors[0]?.key ?? "") : "";
  const labels: Record<string, string> = { ...more };
  for (const [name, value] of Object.entries(event.labels ?? {}))
    if (/^[a-zA-Z_]\w*$/.test(name) && name !== "acknowledged" && name !== "silenced") labels[name] = value;
  const own = {
    ...{ alertname: event.rule, job: "earshot", severity },
    ...{ scope: event.scope ?? "", group: event.group ?? "", direction: event.direction ?? "", key },
  };
  for (const [name, value] of Object.entries(own)) if (value !== "") labels[name] = printable(value);
  return labels;
}
