/**
 * Field names whose treatment is known. Names that are not here are judged by names.ts, and their values are searched;
 * the plain ones here are those of nearly all traffic, listed so that their values need no search.
 */

import { COOKIE, CREDENTIALS, LINK, PLAIN, PROTOCOL_LIST, SET_COOKIE, URL_VALUE } from "./name-kinds.ts";

const KINDS: readonly (readonly [number, string])[] = [
  [CREDENTIALS, "authorization proxy-authorization www-authenticate proxy-authenticate"],
  [CREDENTIALS, "authentication-info proxy-authentication-info x-amz-authorization x-original-authorization"],
  [COOKIE, "cookie cookie2"],
  [SET_COOKIE, "set-cookie set-cookie2"],
  [URL_VALUE, "referer location content-location destination refresh sourcemap x-sourcemap x-forwarded-uri x-pingback"],
  [URL_VALUE, "x-original-url x-original-uri x-rewrite-url x-forwarded-url x-http-referer x-waws-unencoded-url"],
  [LINK, "link"],
  [PROTOCOL_LIST, "sec-websocket-protocol"],
  [PLAIN, "host user-agent accept accept-charset accept-encoding accept-language accept-ranges connection keep-alive"],
  [PLAIN, "content-length content-type content-encoding content-language content-disposition content-range date"],
  [PLAIN, "server cache-control pragma expires etag last-modified age vary via allow expect from max-forwards range"],
  [PLAIN, "if-match if-none-match if-modified-since if-unmodified-since if-range te trailer transfer-encoding upgrade"],
  [PLAIN, "retry-after origin dnt upgrade-insecure-requests strict-transport-security x-content-type-options priority"],
  [PLAIN, "x-frame-options x-xss-protection x-powered-by x-request-id x-forwarded-for x-forwarded-proto x-real-ip"],
  [PLAIN, "x-forwarded-host x-forwarded-port x-requested-with alt-svc server-timing content-md5 digest traceparent"],
  [PLAIN, "sec-fetch-site sec-fetch-mode sec-fetch-dest sec-fetch-user sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform"],
  [PLAIN, "sec-websocket-key sec-websocket-accept sec-websocket-version sec-websocket-extensions idempotency-key"],
  [
    PLAIN,
    "access-control-allow-origin access-control-allow-methods access-control-allow-headers sec-gpc http2-settings",
  ],
  [PLAIN, "access-control-allow-credentials access-control-expose-headers access-control-max-age proxy-connection"],
  [
    PLAIN,
    "access-control-request-method access-control-request-headers x-cache x-amz-request-id x-amz-id-2 nel persistent-auth",
  ],
];

/** Lower-case name → one of name-kinds.ts. */
export const FIELD_KINDS: ReadonlyMap<string, number> = new Map(
  KINDS.flatMap(([kind, names]) => names.split(" ").map((name) => [name, kind] as const)),
);
