/** Tiers A and B where the kernel says no, or tells more than its ring can hold. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { flowOf, installed, isRoot, now } from "../../../../test/support/process-lab.ts";
import { Ledger } from "../../../core/ledger.ts";
import { DetailReader } from "../details.ts";
import { ownersOf } from "../flow-owners.ts";
import { ProcessTable } from "../process-table.ts";
import { ERRNO, type SystemCalls, systemCalls } from "../system-calls.ts";
import { type BpfHandle, openBpfPrograms } from "./bpf-programs.ts";
import { BpfTier } from "./bpf-tier.ts";

interface Opened {
  readonly tier: BpfTier;
  close(): void;
}

function open(tier: "A" | "B", calls: SystemCalls, common = new Ledger(), ringSize_bytes?: number): Opened {
  const kernel = openBpfPrograms(tier, calls, ringSize_bytes);
  const details = new DetailReader((args) => args);
  const table = new ProcessTable(details, common);
  const part = new BpfTier({ handle: kernel.handle as BpfHandle, readers: null, calls, table, details, common });
  const close = () => {
    part.close();
    kernel.close();
  };
  return { tier: part, close };
}

const BTF = existsSync("/sys/kernel/btf/vmlinux");

/** A kernel that takes the first `good` calls of bpf(2) (their descriptors are real ones) and refuses the next. */
function refusing(good: number, errno: number): SystemCalls {
  let count = 0;
  const calls = systemCalls()!;
  return {
    ...calls,
    raw: (...words) => (count++ < good ? calls.raw(...words) : -1),
    errno: () => errno,
  };
}

const descriptors = () => readdirSync("/proc/self/fd").length;

test.skipIf(!BTF || systemCalls() === null).each([
  ["EPERM", ERRNO.EPERM],
  ["ENOSYS", ERRNO.ENOSYS],
  ["EINVAL", ERRNO.EINVAL],
  ["ENOENT", ERRNO.ENOENT],
])("bpf(2) refused with %s: one line, nothing left open (needs BTF)", (name, errno) => {
  for (const tier of ["A", "B"] as const) {
    const before = descriptors();
    expect(() => open(tier, refusing(0, errno))).toThrow(
      {
        EPERM: /not permitted|root|refuses/,
        ENOSYS: /no bpf\(2\)/,
        EINVAL: /Linux (6.3|5.17)/,
        ENOENT: /Linux (6.3|5.17)/,
      }[name],
    );
    expect(descriptors()).toBe(before);
  }
});

function workingTier(): "A" | "B" | null {
  const calls = isRoot && BTF ? systemCalls() : null;
  for (const tier of ["A", "B"] as const) {
    try {
      if (calls) open(tier, calls).close();
      if (calls) return tier;
    } catch {
      // the next one
    }
  }
  return null;
}

const works = workingTier();
const skipped = works === null ? " (SKIPPED: needs root and a kernel for tier A or B)" : "";
const python = installed("python3") ? "" : " (SKIPPED: needs python3)";

test.skipIf(works === null)(`refused after some calls: what was loaded is let go${skipped}`, () => {
  const before = descriptors();
  // map, its data, loader, loading, then the first programs attached
  for (const good of [1, 2, 3, 4, 5]) {
    expect(() => open(works!, refusing(good, ERRNO.EPERM))).toThrow(/EPERM|root/);
    expect(descriptors()).toBe(before);
  }
});

const FLOOD = `import socket
server = socket.create_server(("127.0.0.1", 0), backlog=64)
address = server.getsockname()
for _ in range(COUNT):
    client = socket.create_connection(address)
    accepted, _ = server.accept()
    client.send(b"x")
    accepted.recv(1)
    client.close()
    accepted.close()
last = socket.create_connection(address)
accepted, _ = server.accept()
print("ready", flush=True)
input()
last.send(b"x")
accepted.recv(1)
print(address[1], last.getsockname()[1], flush=True)
input()`;

/** The next whole line of a child. */
async function line(child: ChildProcess): Promise<string> {
  let text = "";
  while (!text.endsWith("\n")) text += String((await once(child.stdout!, "data"))[0]);
  return text.trim();
}

test.skipIf(works === null || python !== "")(
  `a ring that overflows: the loss is counted, and what comes later is right${skipped || python}`,
  async () => {
    const ledger = new Ledger();
    const { tier, close } = open(works!, systemCalls()!, ledger, 128 << 10);
    // 4 records of 40 to 144 octets for each connection: more than this ring holds
    const child = spawn("python3", ["-c", FLOOD.replace("COUNT", "700")]);
    try {
      const start = now();
      expect(await line(child)).toBe("ready"); // nobody drains meanwhile
      expect(ledger.ownersLost).toBe(0);
      tier.drain();
      expect(ledger.ownersLost).toBeGreaterThan(0);
      child.stdin.write("\n");
      const [server, client] = (await line(child)).split(" ").map(Number);
      tier.drain();
      const flow = flowOf({ ip: "127.0.0.1", port: client }, { ip: "127.0.0.1", port: server }, start);
      tier.used(flow);
      // both sockets were connected when nothing could be told; they are told of when they are used
      expect(ownersOf(flow).ends.map(({ info }) => info?.pid)).toEqual([child.pid, child.pid]);
    } finally {
      child.kill("SIGKILL");
      close();
    }
  },
);

const HOLDING = `import socket
server = socket.create_server(("127.0.0.1", 0), backlog=64)
kept = []
for _ in range(400):
    kept.append(socket.create_connection(server.getsockname()))
    kept.append(server.accept()[0])
print(server.getsockname()[1], *(client.getsockname()[1] for client in kept[::2]), flush=True)
input()`;

test.skipIf(works === null || python !== "")(
  `sockets older than us, more than are read at once: each found, with its holder${skipped || python}`,
  async () => {
    const child = spawn("python3", ["-c", HOLDING]);
    const [server, ...clients] = (await line(child)).split(" ").map(Number);
    const { tier, close } = open(works!, systemCalls()!);
    try {
      const owners = clients.map((client) => {
        const [near, far] = [client, server].map((port) => ({ ip: "127.0.0.1", port }));
        const flow = flowOf(near, far, now(), false);
        tier.used(flow);
        return ownersOf(flow).ends.map(({ info }) => info?.pid);
      });
      expect(owners).toEqual(clients.map(() => [child.pid, child.pid]));
    } finally {
      child.kill("SIGKILL");
      close();
    }
  },
);
