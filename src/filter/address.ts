/** IP addresses and networks in a filter: text to four 32-bit words (as in core/address.ts), and membership. */
import { formatAddress } from "../core/address.ts";
import { net } from "../core/on-demand.ts";

export type Words = readonly [number, number, number, number];

export interface Network {
  readonly words: Words;
  readonly mask: Words;
}

/** null when the text is no address. A zone (`fe80::1%eth0`) is not part of an address here. */
export function parseAddress(text: string): Words | null {
  const version = text.includes("%") ? 0 : net().isIP(text);
  if (version === 4) return [0, 0, 0xffff, parseIpv4(text)];
  return version === 6 ? parseIpv6(text) : null;
}

/** The spelling events use: `2001:db8::1` for `2001:0DB8:0::1`. */
export function normalAddress(words: Words): string {
  return formatAddress(words[0], words[1], words[2], words[3]);
}

function parseIpv4(text: string): number {
  return text.split(".").reduce((word, octet) => (word << 8) | Number(octet), 0);
}

function parseIpv6(text: string): Words {
  const groupsOf = (part: string): number[] =>
    part === ""
      ? []
      : part.split(":").flatMap((group) => {
          if (!group.includes(".")) return [Number.parseInt(group, 16)];
          const word = parseIpv4(group);
          return [word >>> 16, word & 0xffff];
        });
  const [head, tail] = text.split("::");
  const left = groupsOf(head);
  const right = tail === undefined ? [] : groupsOf(tail);
  const groups = [...left, ...new Array(Math.max(0, 8 - left.length - right.length)).fill(0), ...right];
  return [word(groups, 0), word(groups, 2), word(groups, 4), word(groups, 6)];
}

function word(groups: readonly number[], at: number): number {
  return (groups[at] << 16) | groups[at + 1];
}

/** `10.0.0.0/8`, `2001:db8::/32`, or one address; null when it is none of these. */
export function parseNetwork(text: string): Network | null {
  const slash = text.indexOf("/");
  const words = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (words === null) return null;
  const isIpv4 = text.includes(".") && !text.includes(":");
  const most = isIpv4 ? 32 : 128;
  const prefixText = slash < 0 ? String(most) : text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(prefixText) || Number(prefixText) > most) return null;
  const bits = Number(prefixText) + (isIpv4 ? 96 : 0);
  const mask = [0, 32, 64, 96].map((from) => maskWord(bits - from)) as unknown as Words;
  return { words: [words[0] & mask[0], words[1] & mask[1], words[2] & mask[2], words[3] & mask[3]], mask };
}

function maskWord(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? -1 : -1 << (32 - bits);
}

export function inNetwork(address: Words, network: Network): boolean {
  const { words, mask } = network;
  return (
    (address[3] & mask[3]) === words[3] &&
    (address[2] & mask[2]) === words[2] &&
    (address[1] & mask[1]) === words[1] &&
    (address[0] & mask[0]) === words[0]
  );
}
