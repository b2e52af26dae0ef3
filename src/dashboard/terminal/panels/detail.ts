/** One exchange on a page: what it was, where its time went, who was at its ends, fields, body, its flow's others. */
import { formatEndpoint } from "../../../core/address.ts";
import type { Body, Fields, TransactionEvent } from "../../../core/event.ts";
import { type ProcessInfo, shownName } from "../../../core/process.ts";
import { clock, dateAndClock, milliseconds, size, UNKNOWN } from "../format.ts";
import { BOLD, type Style, statusTone, style, type Tone } from "../style.ts";
import { heading, type Line, pair } from "./lines.ts";
import type { ViewContext } from "./view-context.ts";

const MUTED = style("muted");
const HEADING = style("accent", BOLD);

/** Other exchanges of the flow that are listed. */
const SIBLINGS = 20;
/** Lines of a body that are shown. */
const BODY_LINES = 200;

export function exchangeLines(event: TransactionEvent, context: ViewContext, columns: number): Line[] {
  return [
    ...startLines(event, context),
    [],
    ...timing(event, columns),
    [],
    ...traffic(event),
    [],
    ...ends(event),
    ...labels(event),
    ...message("Request", event.request?.fields, event.request?.body, event.request?.trailers),
    ...message("Response", event.response?.fields, event.response?.body, event.response?.trailers),
    ...siblings(event, context),
  ];
}

function startLines(event: TransactionEvent, context: ViewContext): Line[] {
  const { request, response } = event;
  const host = request?.host ?? null;
  const target = request === null ? "request not seen" : request.target;
  const url = host !== null && target.startsWith("/") ? `http://${host}${target}` : target;
  const status: readonly [string, Style] =
    response === null
      ? [`no response (${event.outcome})`, style("bad", BOLD)]
      : [`${response.status} ${response.reason}`, style(statusTone(response.status), BOLD)];
  const lines: Line[] = [
    [
      [`${request?.method ?? ""} `, style("accent", BOLD)],
      [url, BOLD],
    ],
    [status],
    [
      [`${dateAndClock(event.time_us, context)}.${clock(event.time_us, context, 6).slice(9)}`, 0],
      [
        ` · HTTP/${event.http.version} · ${event.id}: flow ${event.flow.id}, its ${ordinal(event.depth)} exchange`,
        MUTED,
      ],
    ],
  ];
  const notes = [
    event.outcome === "complete" ? "" : event.outcome,
    event.http.upgrade === null ? "" : `switched to ${event.http.upgrade}`,
    event.quality.midstream ? "flow joined after its start" : "",
    event.quality.truncated ? "cut by a limit" : "",
    event.quality.gap_bytes > 0 ? `${size(event.quality.gap_bytes)} not seen` : "",
  ].filter((note) => note !== "");
  if (notes.length > 0) lines.push([[notes.join(" · "), style("warn")]]);
  if (event.anomalies.length > 0) lines.push(pair("anomalies", event.anomalies.join(" "), style("warn", BOLD)));
  return lines;
}

function ordinal(number: number): string {
  const teen = number % 100 >= 11 && number % 100 <= 13;
  return number + ((teen ? undefined : ["th", "st", "nd", "rd"][number % 10]) ?? "th");
}

export interface Phase {
  readonly name: string;
  readonly milliseconds: number | null;
  readonly tone: Tone;
  readonly mark: string;
}

/** Upload, wait, download, as far as their ends were seen. */
export function phases(event: TransactionEvent): readonly [Phase, Phase, Phase] {
  const { upload, think, total } = event.latency_ms;
  const download = upload === null || think === null || total === null ? null : Math.max(0, total - upload - think);
  return [
    { name: "upload", milliseconds: upload, tone: "low", mark: "█" },
    { name: "wait", milliseconds: think, tone: "warn", mark: "▒" },
    { name: "download", milliseconds: download, tone: "high", mark: "█" },
  ];
}

/** The wait as the server's kernel splits it; what it does not tell stays "wait". Null where it tells nothing. */
export function kernelPhases(event: TransactionEvent): readonly Phase[] | null {
  const { kernel_ms: kernel, latency_ms: latency } = event;
  if (kernel === null || latency.think === null) return null;
  const parts: Phase[] = [
    { name: "request in the kernel", milliseconds: kernel.request_wait, tone: "violet", mark: "░" },
    { name: "process", milliseconds: kernel.process, tone: "warn", mark: "▓" },
    { name: "response in the kernel", milliseconds: kernel.response_wait, tone: "info", mark: "░" },
  ];
  const told = parts.reduce((sum, part) => sum + (part.milliseconds ?? 0), 0);
  const rest = Math.max(0, latency.think - told);
  return [...parts, { name: "rest", milliseconds: rest, tone: "muted", mark: "▒" }];
}

function timing(event: TransactionEvent, columns: number): Line[] {
  const [upload, wait, download] = phases(event);
  const kernel = kernelPhases(event);
  const bar = [upload, ...(kernel ?? [wait]), download].filter((part) => part.milliseconds !== null);
  const known = [upload, wait, download].every((part) => part.milliseconds !== null);
  const lines: Line[] = [heading("Timing", HEADING)];
  if (known) lines.push(timingBar(bar, Math.max(10, Math.min(100, columns - 20))));
  lines.push([
    ...[upload, wait, download].flatMap(phaseRuns),
    ["total ", MUTED],
    [milliseconds(event.latency_ms.total), BOLD],
    ["   first byte ", MUTED],
    [milliseconds(event.latency_ms.ttfb), 0],
  ]);
  if (kernel !== null) lines.push([["of the wait: ", MUTED], ...kernel.flatMap(phaseRuns)]);
  return lines;
}

function phaseRuns(part: Phase): [string, Style][] {
  return [
    [`${part.mark} `, style(part.tone, BOLD)],
    [`${part.name} `, MUTED],
    [`${milliseconds(part.milliseconds)}   `, 0],
  ];
}

/** Each phase as long as its share; one that took any time is at least one column. */
function timingBar(parts: readonly Phase[], length: number): Line {
  const total = parts.reduce((sum, part) => sum + part.milliseconds!, 0);
  if (total === 0) return [["▏no time that could be measured", MUTED]];
  const runs: [string, Style][] = parts.map((part) => {
    const share = part.milliseconds! / total;
    const columns = share === 0 ? 0 : Math.max(1, Math.round(share * length));
    return [part.mark.repeat(columns), style(part.tone)];
  });
  return runs;
}

function traffic(event: TransactionEvent): Line[] {
  const { bytes, request, response } = event;
  const again = (octets: number) => (octets > 0 ? `, ${size(octets)} sent again` : "");
  const content = (half: { header_bytes: number; body_bytes: number } | null) =>
    half === null ? "" : `  (head ${size(half.header_bytes)}, content ${size(half.body_bytes)})`;
  return [
    pair("in", `${size(bytes.in)} on the wire${again(bytes.in_retransmitted)}${content(request)}`),
    pair("out", `${size(bytes.out)} on the wire${again(bytes.out_retransmitted)}${content(response)}`),
  ];
}

function ends(event: TransactionEvent): Line[] {
  const { flow, process } = event;
  const where = [
    flow.interface === null ? "" : `on ${flow.interface}`,
    flow.vlan === null ? "" : `VLAN ${flow.vlan}`,
    flow.encapsulation === null ? "" : flow.encapsulation,
  ].filter((part) => part !== "");
  return [
    pair("client", formatEndpoint(flow.client), BOLD),
    ...processLines(process.client),
    pair("server", formatEndpoint(flow.server), BOLD),
    ...processLines(process.server),
    ...(where.length === 0 ? [] : [pair("seen", where.join(", "))]),
  ];
}

/** A process with its parent, user, container and pod: only what is known. */
export function processLines(process: ProcessInfo | null): Line[] {
  if (process === null) return [pair("  process", UNKNOWN, MUTED)];
  const parent = process.ppid === undefined ? "" : `, child of ${process.ppid}`;
  const user = process.user ?? (process.uid === null ? null : `uid ${process.uid}`);
  const lines = [
    pair(
      "  process",
      `${shownName(process)} [${process.pid}]${parent}${user === null ? "" : `, user ${user}`}`,
      style("client"),
    ),
  ];
  if (process.exe !== undefined) lines.push(pair("  program", process.exe));
  if (process.args !== undefined && process.args.length > 0) lines.push(pair("  command", process.args.join(" ")));
  const { container, pod } = process;
  if (container !== undefined) {
    const name = container.name ?? container.id.slice(0, 12);
    const image = container.image === undefined ? "" : ` from ${container.image}`;
    const runtime = container.runtime === null ? "" : ` (${container.runtime})`;
    lines.push(pair("  container", `${name}${image}${runtime}`));
  }
  if (pod !== undefined) {
    const name = pod.name === undefined ? pod.uid : pod.name;
    lines.push(pair("  pod", pod.namespace === undefined ? name : `${pod.namespace}/${name}`));
    const labels = Object.entries(pod.labels ?? {}).map(([label, value]) => `${label}=${value}`);
    if (labels.length > 0) lines.push(pair("  labels", labels.join(", ")));
  }
  if (process.start_time !== undefined) lines.push(pair("  started", process.start_time));
  return lines;
}

function labels(event: TransactionEvent): Line[] {
  return Object.entries(event.labels ?? {}).map(([name, value]) => pair(name, value, style("info")));
}

function message(
  title: string,
  fields: Fields | undefined,
  body: Body | undefined,
  trailers: Fields | undefined,
): Line[] {
  if (fields === undefined) return [];
  const lines: Line[] = [[], heading(`${title} fields`, HEADING), ...fields.map(fieldLine)];
  if (trailers !== undefined && trailers.length > 0) {
    lines.push(heading(`${title} trailers`, HEADING), ...trailers.map(fieldLine));
  }
  return body === undefined ? lines : [...lines, ...bodyLines(title, body)];
}

function fieldLine([name, value]: Fields[number]): Line {
  return [
    [`${name}: `, style("info")],
    [value, 0],
  ];
}

function bodyLines(title: string, body: Body): Line[] {
  const kind = body.encoding === "base64" ? ", binary, as base64" : "";
  const rows = body.text.split(/\r?\n/);
  const more = body.truncated || rows.length > BODY_LINES;
  return [
    [],
    heading(`${title} content${kind}`, HEADING),
    ...rows.slice(0, BODY_LINES).map((text): Line => [[text, 0]]),
    ...(more ? [[["… more was there", MUTED]] as Line] : []),
  ];
}

function siblings(event: TransactionEvent, context: ViewContext): Line[] {
  const others = context.model.sameFlow(event, SIBLINGS);
  if (others.length === 0) return [];
  return [
    [],
    heading("Other exchanges of this flow", HEADING),
    ...others.map(
      (other): Line => [
        [`${clock(other.time_us, context, 3)}  `, MUTED],
        [`${other.response?.status ?? "---"} `, style(statusTone(other.response?.status ?? null), BOLD)],
        [`${other.request?.method ?? "?"} `, style("accent")],
        [other.request?.target ?? "request not seen", 0],
        [`  ${milliseconds(other.latency_ms.total)}`, MUTED],
      ],
    ),
  ];
}
