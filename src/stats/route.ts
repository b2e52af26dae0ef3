/**
 * Path templates: the parts of a path that differ from one thing to the next (numbers, UUIDs, hashes, dates) are folded,
 * so that `/users/17/orders/2024-05-01` and its sisters count together as `/users/{number}/orders/{date}`.
 */

/** Segments shown; a deeper path ends in `/…`. With the folding this bounds what an honest site can give. */
const DEPTH = 8;
/** Longer segments are data, not names. */
const LONGEST_NAME = 64;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const DATE = /^(?:19|20)\d\d-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?$/;
const NUMBER = /^\d+$/;
const HEX = /^(?=[a-f]*\d)[0-9a-f]{8,}$/i;
/** Base64url and the like: long, with digits and both cases. */
const TOKEN = /^(?=[^0-9]*[0-9])(?=[^a-z]*[a-z])(?=[^A-Z]*[A-Z])[A-Za-z0-9_-]{20,}$/;
const VERSION = /^v?\d+(?:\.\d+)+$/i;
const ANY_DIGIT = /\d/;

export function routeOf(path: string): string {
  let route = "";
  let depth = 0;
  for (let start = 0; start < path.length; ) {
    if (path[start] === "/") {
      start++;
      route += "/";
      continue;
    }
    if (++depth > DEPTH) return `${route}…`;
    let end = path.indexOf("/", start);
    if (end < 0) end = path.length;
    route += foldSegment(path.slice(start, end));
    start = end;
  }
  return route;
}

function foldSegment(segment: string): string {
  if (segment.length > LONGEST_NAME) return UUID.test(segment) ? "{uuid}" : "{long}";
  if (!ANY_DIGIT.test(segment)) return segment;
  return segment.includes(".") ? foldDotted(segment) : foldName(segment);
}

/** `12345.html`, `app.3f2a9c8d.js`; but `1.2.3` and `jquery-1.10.4.min.js` are versions, and names. */
function foldDotted(segment: string): string {
  if (VERSION.test(segment)) return segment;
  const parts = segment.split(".");
  return parts.map((part, index) => (index > 0 && part.length < 4 ? part : foldName(part))).join(".");
}

function foldName(name: string): string {
  if (!ANY_DIGIT.test(name)) return name;
  if (NUMBER.test(name)) return "{number}";
  if (DATE.test(name)) return "{date}";
  if (UUID.test(name)) return "{uuid}";
  return HEX.test(name) || TOKEN.test(name) ? "{hash}" : name;
}
