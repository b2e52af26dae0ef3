/**
 * What a request says of the host it is for (RFC 9112 section 3.2): takes a request head just read, notes what makes two
 * readers send it to two hosts. A proxy that routes by one of them and a server that heeds the other can be played off.
 */
import { FIELD_STRIDE } from "../../core/http.ts";
import type { Head } from "./head.ts";
import { latin1, SPACE } from "./octets.ts";

/** 1 for what may stand in `uri-host [":" port]` (RFC 3986 section 3.2.2). */
const HOST_OCTET = new Uint8Array(256);
for (const char of "-._~%!$&'()*+,;=:[]0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  HOST_OCTET[char.charCodeAt(0)] = 1;
}

/** Longer authorities are not compared. */
const LONGEST_AUTHORITY = 1_024;

export function hostNotes(head: Head): void {
  if (head.host < 0) {
    // one that was cut may have had it
    if (head.version >= 11 && !head.truncated && head.fieldsLeftOut === 0) head.anomaly("http1.host-missing");
    return;
  }
  const at = head.host * FIELD_STRIDE;
  const start = head.fields[at + 2];
  const end = head.fields[at + 3];
  const { bytes } = head;
  for (let i = start; i < end; i++) {
    if (HOST_OCTET[bytes[i]] === 1) continue;
    head.anomaly("http1.host-invalid");
    break;
  }
  const first = bytes[head.targetStart];
  // the origin form and the asterisk name no host
  if (first !== 47 && first !== 42) compare(head, start, end);
}

/** The absolute form names the host too; the Host field is to be the same, and a proxy heeds the target. */
function compare(head: Head, start: number, end: number): void {
  const { bytes, targetStart, targetEnd } = head;
  let colon = targetStart;
  while (colon < targetEnd && bytes[colon] > SPACE && bytes[colon] !== 58 && bytes[colon] !== 47) colon++;
  if (bytes[colon] !== 58 || bytes[colon + 1] !== 47 || bytes[colon + 2] !== 47 || colon + 3 > targetEnd) return;
  let from = colon + 3;
  let to = from;
  while (to < targetEnd && bytes[to] !== 47 && bytes[to] !== 63 && bytes[to] !== 35) {
    if (bytes[to] === 64) from = to + 1;
    to++;
  }
  if (to - from > LONGEST_AUTHORITY || end - start > LONGEST_AUTHORITY) return;
  const scheme = latin1(bytes, targetStart, colon).toLowerCase();
  const port = scheme === "https" || scheme === "wss" ? ":443" : ":80";
  const host = (low: number, high: number) => {
    const text = latin1(bytes, low, high).toLowerCase();
    return text.endsWith(port) ? text.slice(0, -port.length) : text;
  };
  if (host(from, to) !== host(start, end)) head.anomaly("http1.host-mismatch");
}
