/**
 * Reads the text of /proc/PID/net/tcp and tcp6 (proc_pid_net(5)): finds one connection or the listeners of a port, and
 * the addresses a network namespace calls its own (fib_trie, if_inet6). Pure: text in, facts out.
 */
import { endianness } from "node:os";
import type { SocketTuple } from "./socket-tuple.ts";

const LITTLE = endianness() === "LE";
const LISTEN = "0A";

/** A 32-bit word as the kernel prints it here: the bytes of the address in the machine's order. */
function wordText(word: number): string {
  const value = LITTLE ? swap(word) : word >>> 0;
  return value.toString(16).toUpperCase().padStart(8, "0");
}

function swap(word: number): number {
  return (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}

const portText = (port: number) => port.toString(16).toUpperCase().padStart(4, "0");

/** Inode of the connection with this tuple in the text of `tcp` or `tcp6`; -1 when it is not there. */
export function findConnection(text: string, tuple: SocketTuple, wide: boolean): number {
  const at = text.indexOf(` ${connectionText(tuple, wide)} `);
  if (at < 0) return -1;
  const fields = lineFields(text, at);
  return fields[3] === LISTEN ? -1 : inodeOf(fields);
}

/** `LOCAL:PORT REMOTE:PORT` as printed; `wide` for tcp6. */
function connectionText(tuple: SocketTuple, wide: boolean): string {
  const address = (word0: number, word1: number, word2: number, word3: number) =>
    wide ? wordText(word0) + wordText(word1) + wordText(word2) + wordText(word3) : wordText(word3);
  const local = address(tuple.local0, tuple.local1, tuple.local2, tuple.local3);
  const remote = address(tuple.remote0, tuple.remote1, tuple.remote2, tuple.remote3);
  return `${local}:${portText(tuple.localPort)} ${remote}:${portText(tuple.remotePort)}`;
}

/** Inodes of every listener that could have accepted a connection to this port. */
export function findListeners(text: string, port: number, into: Set<number>): void {
  const wanted = `:${portText(port)} `;
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
    const fields = lineFields(text, at);
    if (fields[3] === LISTEN && fields[1]?.endsWith(wanted.trim()) && inodeOf(fields) > 0) into.add(inodeOf(fields));
  }
}

function lineFields(text: string, inside: number): string[] {
  const start = text.lastIndexOf("\n", inside) + 1;
  const end = text.indexOf("\n", inside);
  return text
    .slice(start, end < 0 ? text.length : end)
    .trim()
    .split(/\s+/, 10);
}

function inodeOf(fields: readonly string[]): number {
  const inode = Number(fields[9]);
  return Number.isSafeInteger(inode) ? inode : -1;
}

/** Addresses of a namespace, from its `fib_trie` and `if_inet6`, as keys of `addressKey`. */
export function localAddresses(fibTrie: string, inet6: string): Set<string> {
  const found = new Set<string>();
  let last = "";
  for (const line of fibTrie.split("\n")) {
    const leaf = line.indexOf("|-- ");
    if (leaf >= 0) last = line.slice(leaf + 4).trim();
    else if (line.includes("/32 host LOCAL")) {
      const parts = last.split(".").map(Number);
      found.add(addressKey(0, 0, 0xffff, (parts[0] << 24) | (parts[1] << 16) | (parts[2] << 8) | parts[3]));
    }
  }
  for (const match of inet6.matchAll(/^([0-9a-f]{32}) /gm)) {
    const word = (index: number) => Number.parseInt(match[1].slice(index * 8, index * 8 + 8), 16) | 0;
    found.add(addressKey(word(0), word(1), word(2), word(3)));
  }
  return found;
}

export function addressKey(word0: number, word1: number, word2: number, word3: number): string {
  return `${word0 | 0},${word1 | 0},${word2 | 0},${word3 | 0}`;
}
