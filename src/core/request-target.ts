/** The parts of a request target (RFC 9112 section 3.2), as ranges: the same rule for rows, events and statistics. */

const SLASH = 47;
const QUESTION = 63;

/** Filled by `splitTarget`; -1 stands for absent. Read before the next call. */
export const targetParts = { hostStart: -1, hostEnd: -1, pathStart: -1, pathEnd: -1, queryStart: -1, queryEnd: -1 };

/**
 * Splits `bytes[start, end)`: origin form `/path?query`, absolute form `http://host/path?query`, asterisk form `*`, and
 * for CONNECT the authority form, which has no path.
 */
export function splitTarget(bytes: Uint8Array, start: number, end: number, connect: boolean): typeof targetParts {
  const parts = targetParts;
  parts.hostStart = parts.hostEnd = parts.pathStart = parts.pathEnd = parts.queryStart = parts.queryEnd = -1;
  if (start === end) return parts;
  if (connect) {
    parts.hostStart = start;
    parts.hostEnd = end;
    return parts;
  }
  let path = start;
  if (bytes[start] !== SLASH) {
    const authority = authorityStart(bytes, start, end);
    if (authority >= 0) {
      path = authority;
      while (path < end && bytes[path] !== SLASH && bytes[path] !== QUESTION) path++;
      parts.hostStart = afterUserinfo(bytes, authority, path);
      parts.hostEnd = path;
    }
  }
  let question = path;
  while (question < end && bytes[question] !== QUESTION) question++;
  parts.pathStart = path;
  parts.pathEnd = question;
  if (question < end) {
    parts.queryStart = question + 1;
    parts.queryEnd = end;
  }
  return parts;
}

/** Offset behind `scheme://`, or -1. */
function authorityStart(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && (bytes[at] | 32) >= 97 && (bytes[at] | 32) <= 122) at++;
  if (at === start || at + 2 >= end) return -1;
  return bytes[at] === 58 && bytes[at + 1] === SLASH && bytes[at + 2] === SLASH ? at + 3 : -1;
}

function afterUserinfo(bytes: Uint8Array, start: number, end: number): number {
  for (let at = end - 1; at >= start; at--) if (bytes[at] === 64) return at + 1;
  return start;
}
