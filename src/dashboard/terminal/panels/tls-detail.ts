/** One HTTPS connection on a page. */
import { formatEndpoint } from "../../../core/address.ts";
import type { TlsCertificate, TlsEvent } from "../../../core/event.ts";
import { dateAndClock, milliseconds, size, UNKNOWN } from "../format.ts";
import { BOLD, style } from "../style.ts";
import { processLines } from "./detail.ts";
import { heading, type Line, pair } from "./lines.ts";
import type { ViewContext } from "./view-context.ts";

const HEADING = style("accent", BOLD);

export function connectionLines(event: TlsEvent, context: ViewContext): Line[] {
  const resumed = event.resumed === null ? UNKNOWN : event.resumed ? "yes" : "no";
  return [
    [[event.server_name ?? formatEndpoint(event.flow.server), BOLD]],
    [[`${dateAndClock(event.time_us, context)} · ${event.outcome} · flow ${event.flow.id} · id ${event.id}`, 0]],
    ...(event.anomalies.length > 0 ? [pair("anomalies", event.anomalies.join(" "), style("warn", BOLD))] : []),
    [],
    pair("version", event.version ?? UNKNOWN),
    pair("cipher", event.cipher ?? UNKNOWN),
    pair("protocol", `${event.alpn ?? UNKNOWN}${offered(event)}`),
    pair("resumed", resumed),
    pair("alert", event.alert ?? "none"),
    pair("handshake", milliseconds(event.handshake_ms)),
    pair("lasted", milliseconds(event.duration_ms)),
    pair("in", size(event.bytes.in)),
    pair("out", size(event.bytes.out)),
    pair("ja4", event.ja4 ?? UNKNOWN),
    pair("ja3", event.ja3 ?? UNKNOWN),
    pair("ja3s", event.ja3s ?? UNKNOWN),
    [],
    pair("client", formatEndpoint(event.flow.client), BOLD),
    ...processLines(event.process.client),
    pair("server", formatEndpoint(event.flow.server), BOLD),
    ...processLines(event.process.server),
    ...event.certificates.flatMap(certificateLines),
  ];
}

function offered(event: TlsEvent): string {
  return event.alpn_offered.length === 0 ? "" : `  (offered ${event.alpn_offered.join(", ")})`;
}

function certificateLines(certificate: TlsCertificate, index: number): Line[] {
  return [
    [],
    heading(`Certificate ${index + 1}`, HEADING),
    pair("subject", certificate.subject),
    pair("issuer", certificate.issuer),
    pair("valid", `${certificate.not_before} to ${certificate.not_after}`),
    pair("names", certificate.names.join(" ")),
    pair("serial", certificate.serial),
    pair("sha-256", certificate.sha256),
  ];
}
