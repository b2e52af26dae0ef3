/** Makes the event of a TLS connection (core/event.ts) from what its handshake and its octets told. */
import type { TlsEvent } from "../../core/event.ts";
import type { CloseReason, Flow, HalfIndex } from "../../core/flow.ts";
import { formatTime, MILLISECOND } from "../../core/units.ts";
import type { Handshake } from "./handshake.ts";
import type { Share } from "./share.ts";

export interface Passage {
  readonly shares: readonly [Share, Share];
  readonly reason: CloseReason;
}

export function tlsEvent(flow: Flow, handshake: Handshake, passage: Passage): TlsEvent {
  const client: HalfIndex = handshake.client === 1 ? 1 : 0;
  const server: HalfIndex = client === 1 ? 0 : 1;
  const { shares } = passage;
  const start = shares[client].start !== 0.5 ? shares[client].start : shares[server].start;
  const { offer, choice } = handshake;
  const labels = labelsOf(handshake);
  return {
    type: "tls",
    time: formatTime(start),
    time_us: start,
    id: `${flow.id}.tls`,
    flow: flow.info,
    version: choice?.version ?? null,
    cipher: choice?.cipher ?? null,
    server_name: offer?.serverName ?? null,
    alpn_offered: offer?.alpn ?? [],
    alpn: choice?.alpn ?? null,
    ja3: offer?.ja3 ?? null,
    ja3s: choice?.ja3s ?? null,
    ja4: offer?.ja4 ?? null,
    certificates: handshake.certificates,
    resumed: handshake.resumed,
    outcome: outcomeOf(flow, handshake, passage, server),
    alert: handshake.alert,
    handshake_ms:
      handshake.establishedAt === 0.5 || offer === null ? null : (handshake.establishedAt - start) / MILLISECOND,
    duration_ms: Math.max(0, flow.lastTime - start) / MILLISECOND,
    bytes: {
      in: shares[client].wireBytes(flow),
      out: shares[server].wireBytes(flow),
      in_retransmitted: shares[client].retransmittedBytes(flow),
      out_retransmitted: shares[server].retransmittedBytes(flow),
    },
    process: { client: flow.clientProcess, server: flow.serverProcess },
    quality: {
      midstream: !flow.handshakeSeen,
      gap_bytes: shares[0].gapBytes(flow) + shares[1].gapBytes(flow),
      truncated: handshake.truncated,
    },
    anomalies: handshake.anomalies.slice(),
    ...(labels === null ? {} : { labels }),
  };
}

function labelsOf(handshake: Handshake): Record<string, string> | null {
  const labels: Record<string, string> = {};
  if (handshake.offer?.encryptedHello) labels["tls.ech-offered"] = "true";
  if (handshake.offer?.earlyData) labels["tls.early-data-offered"] = "true";
  if (handshake.helloRetry) labels["tls.hello-retry"] = "true";
  if (handshake.clientCertificate !== null) labels["tls.client-certificate"] = handshake.clientCertificate.subject;
  return Object.keys(labels).length > 0 ? labels : null;
}

/** Failed only when it is certain: an alert said so, or the connection was closed before its handshake was done. */
function outcomeOf(flow: Flow, handshake: Handshake, passage: Passage, server: HalfIndex): TlsEvent["outcome"] {
  if (handshake.established) return "established";
  if (handshake.failed) return "failed";
  if (handshake.blind) return "incomplete";
  const { sides } = handshake;
  if (passage.shares[0].gapBytes(flow) + passage.shares[1].gapBytes(flow) > 0) return "gap";
  const closed = passage.reason === "fin" || passage.reason === "rst";
  // of a server that the capture does not show nothing can be said
  const bothSeen = flow.halves[server].known && handshake.offer !== null;
  const understood = sides.every((side) => !side.lost) || handshake.anomalies.includes("tls.answer-not-tls");
  return closed && bothSeen && understood ? "failed" : "incomplete";
}
