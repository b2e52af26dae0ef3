/**
 * Apache's common and combined log formats, as mod_log_config writes them:
 * `%h %l %u %t "%r" %>s %b` and with `"%{Referer}i" "%{User-Agent}i"` behind it. One line a transaction.
 */
import type { EarshotEvent, Fields, TransactionEvent } from "../../core/event.ts";
import type { EventFormat } from "../output/destination.ts";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const SHORT: Readonly<Record<number, string>> = {
  8: "\\b",
  9: "\\t",
  10: "\\n",
  11: "\\v",
  13: "\\r",
  34: '\\"',
  92: "\\\\",
};
/** What Apache would escape: controls, quote, backslash, and every octet beyond ASCII. */
const UNSAFE = /[^\x20\x21\x23-\x5b\x5d-\x7e]/;

/** ap_escape_logitem: quotes and controls cannot end the item or forge a line. */
export function escapeLogItem(text: string): string {
  if (!UNSAFE.test(text)) return text;
  let result = "";
  for (const octet of Buffer.from(text)) {
    if (octet >= 0x20 && octet < 0x7f && octet !== 0x22 && octet !== 0x5c) result += String.fromCharCode(octet);
    else result += SHORT[octet] ?? `\\x${octet.toString(16).padStart(2, "0")}`;
  }
  return result;
}

/** `[10/Oct/2000:13:55:36 +0000]`, always in UTC. */
export function clfTime(time: string): string {
  const [, year, month, day, clock] = /^(\d+)-(\d\d)-(\d\d)T(\d\d:\d\d:\d\d)/.exec(time) as unknown as string[];
  return `[${day}/${MONTHS[Number(month) - 1]}/${year}:${clock} +0000]`;
}

/** Value of a field by its lower-case name, the first if there are several. */
export function fieldOf(fields: Fields | undefined, name: string): string | null {
  return fields?.find(([field]) => field.toLowerCase() === name)?.[1] ?? null;
}

/** The user of Basic or Digest credentials; null when there is none, or it is hidden. */
function userOf(event: TransactionEvent): string | null {
  const credentials = fieldOf(event.request?.fields, "authorization");
  if (credentials === null || credentials.includes("<redacted:")) return null;
  const basic = /^basic +([a-z0-9+/=]+)$/i.exec(credentials)?.[1];
  if (basic !== undefined) return Buffer.from(basic, "base64").toString().split(":", 1)[0] || '""';
  return /^digest .*\busername="((?:[^"\\]|\\.)*)"/i.exec(credentials)?.[1] ?? null;
}

/** Apache leaves the user unquoted; blanks would shift every column behind it. */
const bare = (text: string) => escapeLogItem(text).replaceAll(" ", "\\x20");

export interface LogOptions {
  /** Secrets are shown: the header line says so, and the user of a request is told. */
  readonly reveal: boolean;
}

export const REVEAL_NOTICE = "# secrets are shown in this output (--reveal)";

export class CommonLogFormat implements EventFormat {
  readonly name: "common" | "combined";
  private readonly reveal: boolean;

  constructor(name: "common" | "combined", options: LogOptions) {
    this.name = name;
    this.reveal = options.reveal;
  }

  header(): string {
    return this.reveal ? REVEAL_NOTICE : "";
  }

  format(event: EarshotEvent): readonly string[] {
    if (event.type !== "transaction") return [];
    const { request, response } = event;
    const user = this.reveal ? userOf(event) : null;
    const line = request === null ? "-" : `${request.method} ${request.target} HTTP/${event.http.version}`;
    const status = response === null ? "-" : String(response.status).padStart(3, "0");
    const size = response === null || response.body_bytes === 0 ? "-" : String(response.body_bytes);
    const common =
      `${event.flow.client.ip} - ${user === null ? "-" : bare(user)} ${clfTime(event.time)} ` +
      `"${escapeLogItem(line)}" ${status} ${size}`;
    if (this.name === "common") return [common];
    const referer = fieldOf(request?.fields, "referer");
    return [`${common} "${escapeLogItem(referer ?? "-")}" "${escapeLogItem(request?.user_agent ?? "-")}"`];
  }
}
