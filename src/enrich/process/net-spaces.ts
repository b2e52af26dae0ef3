/**
 * The network namespaces of this host, found through the processes in them (network_namespaces(7)): which addresses each
 * calls its own, and where to read its sockets. Nothing is entered: /proc/PID/net shows a namespace from outside.
 */
import { listPids, namespaceNumber, readText } from "./proc-files.ts";
import { addressKey, localAddresses } from "./proc-net.ts";
import { isLoopback, type SocketTuple } from "./socket-tuple.ts";

const REFRESH_MS = 2_000;
const MAX_SPACES = 1_024;

export interface NetSpace {
  readonly id: number;
  /** A process inside, to read its /proc/PID/net. */
  readonly pid: number;
  readonly addresses: ReadonlySet<string>;
}

export class NetSpaces {
  readonly own = namespaceNumber("self", "net");
  private spaces: NetSpace[] = [];
  private readAt = Number.NEGATIVE_INFINITY;

  /** Namespaces that call the local address of this socket their own; for a loopback address only the capture's. */
  of(tuple: SocketTuple): NetSpace[] {
    this.refresh();
    if (isLoopback(tuple.local0, tuple.local1, tuple.local2, tuple.local3)) {
      return this.spaces.filter((space) => space.id === this.own);
    }
    const key = addressKey(tuple.local0, tuple.local1, tuple.local2, tuple.local3);
    return this.spaces.filter((space) => space.addresses.has(key));
  }

  private refresh(): void {
    const now = performance.now();
    if (now - this.readAt < REFRESH_MS) return;
    const found = new Map<number, number>([[this.own, process.pid]]);
    for (const pid of listPids()) {
      const id = namespaceNumber(pid, "net");
      if (id !== 0 && !found.has(id) && found.size < MAX_SPACES) found.set(id, pid);
    }
    this.spaces = [...found].map(([id, pid]) => ({ id, pid, addresses: addressesOf(pid) }));
    this.readAt = performance.now();
  }
}

function addressesOf(pid: number): Set<string> {
  return localAddresses(readText(`/proc/${pid}/net/fib_trie`) ?? "", readText(`/proc/${pid}/net/if_inet6`) ?? "");
}
