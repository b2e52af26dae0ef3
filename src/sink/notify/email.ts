/** Alert records as mail messages (RFC 5322) for a local sendmail. Pure; `ProgramSender` hands them over. */
import { hostname } from "node:os";
import type { AlertEvent } from "../../core/event.ts";
import { printable } from "../../core/printable.ts";
import type { EmailConfig } from "./schema.ts";

/** Program and arguments: the recipients are arguments, so that no text of a record can add one. */
export function sendmailCommand(config: EmailConfig): string[] {
  return [config.sendmail, "-i", "-f", config.from, "--", ...config.to];
}

export function emailMessage(event: AlertEvent, config: EmailConfig, host = hostname()): string {
  const domain = host.replace(/[^\w.-]/g, "") || "localhost";
  const body = Buffer.from(emailText(event)).toString("base64").replace(/.{76}/g, "$&\r\n");
  return [
    `From: ${config.from}`,
    `To: ${config.to.join(", ")}`,
    `Subject: ${encodedWords(`[earshot] ${printable(event.summary)}`.slice(0, 300))}`,
    `Date: ${new Date(event.time_us / 1000).toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${event.id}.${event.time_us}.${event.state}@${domain}>`,
    // the messages of one alert make one thread
    `References: <${event.id}@${domain}>`,
    "Auto-Submitted: auto-generated",
    `X-Earshot-Alert: ${event.id} ${event.state} ${event.severity}`,
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: base64",
    "",
    body,
    "",
  ].join("\r\n");
}

/** Unencoded while it is plain ASCII, else RFC 2047 words of at most 75 characters on folded lines. */
function encodedWords(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text) && !text.includes("=?")) return text;
  const words: string[] = [];
  let word = "";
  for (const character of text) {
    if (Buffer.byteLength(word + character) > 42) {
      words.push(word);
      word = "";
    }
    word += character;
  }
  return [...words, word].map((part) => `=?utf-8?B?${Buffer.from(part).toString("base64")}?=`).join("\r\n ");
}

function emailText(event: AlertEvent): string {
  const rows: [string, unknown][] = [
    ["Rule", event.rule],
    ["Scope", event.scope],
    ["Group", event.group],
    ["State", `${event.state} (${event.severity})`],
    ["Since", event.active_at],
    ["Resolved", event.resolved_at],
    ["Value", event.value],
    ["Usual", event.baseline?.m],
    ["Limit", event.direction === "low" ? event.baseline?.low : event.baseline?.up],
    ["Peak", event.peak],
    ["Examples", event.samples.length === 0 ? null : event.samples.join(", ")],
    [
      "Capture lost",
      event.quality.suspect ? `${event.quality.dropped} packets, ${event.quality.gap_bytes} octets` : null,
    ],
    ["Alert", event.id],
  ];
  const lines = rows
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => `${name}: ${value}`);
  const from = event.contributors.map(
    (row) =>
      `  ${Math.round(row.share_of_excess * 100)} % ${row.dimension} ${row.key}: ${row.now}, usual ${row.usual}${row.new ? ", new" : ""}`,
  );
  const annotations = Object.entries(event.annotations ?? {}).map(([name, value]) => `${name}: ${value}`);
  const text = [
    event.summary,
    "",
    ...lines,
    ...(from.length === 0 ? [] : ["", "Where it comes from:", ...from]),
    "",
    ...annotations,
  ];
  return `${text.map(printable).join("\r\n").trimEnd()}\r\n`;
}
