/** IP addresses as four signed 32-bit words (see Packet) and as text (RFC 5952 for IPv6). */

export function isIpv4(word0: number, word1: number, word2: number): boolean {
  return word0 === 0 && word1 === 0 && word2 === 0xffff;
}

/** Text of an address given as words: `192.0.2.1` or `2001:db8::1`. */
export function formatAddress(word0: number, word1: number, word2: number, word3: number): string {
  if (isIpv4(word0, word1, word2)) {
    return `${word3 >>> 24}.${(word3 >>> 16) & 255}.${(word3 >>> 8) & 255}.${word3 & 255}`;
  }
  return formatGroups([
    word0 >>> 16,
    word0 & 0xffff,
    word1 >>> 16,
    word1 & 0xffff,
    word2 >>> 16,
    word2 & 0xffff,
    word3 >>> 16,
    word3 & 0xffff,
  ]);
}

/** RFC 5952: lower-case, no leading zeros, the longest run of two or more zero groups becomes `::`. */
function formatGroups(groups: readonly number[]): string {
  let bestStart = -1;
  let bestLength = 1;
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > bestLength) {
      bestStart = start;
      bestLength = length;
    }
  }
  const hex = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  if (bestStart < 0) return hex(0, 8);
  return `${hex(0, bestStart)}::${hex(bestStart + bestLength, 8)}`;
}

/** `192.0.2.1:80`, `[2001:db8::1]:80`. */
export function formatEndpoint(endpoint: { readonly ip: string; readonly port: number }): string {
  return endpoint.ip.includes(":") ? `[${endpoint.ip}]:${endpoint.port}` : `${endpoint.ip}:${endpoint.port}`;
}
