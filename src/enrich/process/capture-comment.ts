/**
 * Processes told by capture files: packet comments of ptcpdump and of earshot itself, the interface description of
 * Tracee. Pure, text in, ProcessInfo out; the text is hostile, so what does not fit is left out.
 *
 * ptcpdump writes lines `Key: value` about the process at the near end of the packet's interface. earshot writes the
 * same lines (src/sink/pcapng), and whenever it knows more of a flow one line `earshot: {"client":…,"server":…}` that
 * holds all of it.
 */
import { z } from "zod";
import type { ContainerInfo, PodInfo, ProcessInfo } from "../../core/process.ts";
import { formatTime } from "../../core/units.ts";

const MAX_COMMENT = 65_536;
const OWN_PREFIX = "earshot: ";
const COMM_BYTES = 15;

const id = z.int().min(0).max(0xffff_ffff);
const text = z.string().max(4_096);
const processSchema = z.object({
  pid: id,
  tid: id.optional(),
  ppid: id.optional(),
  comm: text,
  exe: text.optional(),
  args: z.array(text).max(64).optional(),
  uid: id.nullable(),
  user: text.optional(),
  gid: id.optional(),
  group: text.optional(),
  start_time: text.optional(),
  cgroup: text.optional(),
  namespaces: z.object({ pid: id.optional(), mnt: id.optional(), net: id.optional() }).optional(),
  container: z.object({ id: text, runtime: text.nullable(), name: text.optional(), image: text.optional() }).optional(),
  pod: z
    .object({
      uid: text,
      name: text.optional(),
      namespace: text.optional(),
      labels: z.record(text, text).optional(),
    })
    .optional(),
});
const ownersSchema = z.object({
  client: processSchema.nullable().catch(null),
  server: processSchema.nullable().catch(null),
});

export interface CommentOwners {
  /** Both ends by name: earshot's own comment. */
  readonly client: ProcessInfo | null;
  readonly server: ProcessInfo | null;
  /** The process at the near end of the interface: ptcpdump's comment. */
  readonly near: ProcessInfo | null;
}

const NOBODY: CommentOwners = { client: null, server: null, near: null };

/** What a packet comment says; null ends when it says nothing. */
export function parseComment(comment: string): CommentOwners {
  if (comment.length > MAX_COMMENT) return NOBODY;
  const lines = new Map<string, string>();
  for (const line of comment.split("\n")) {
    if (line.startsWith(OWN_PREFIX)) {
      const owners = parseOwn(line.slice(OWN_PREFIX.length));
      if (owners !== null) return owners;
    }
    const colon = line.indexOf(":");
    if (colon > 0) lines.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  return { ...NOBODY, near: fromLines(lines) };
}

function parseOwn(json: string): CommentOwners | null {
  const owners = ownersSchema.safeParse(parseJson(json));
  return owners.success ? { client: owners.data.client, server: owners.data.server, near: null } : null;
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function fromLines(lines: ReadonlyMap<string, string>): ProcessInfo | null {
  const number = (...keys: string[]) => {
    const value = keys.map((key) => lines.get(key)).find((found) => found !== undefined);
    return value !== undefined && /^\d{1,10}$/.test(value) ? Number(value) : undefined;
  };
  const pid = number("PID");
  if (pid === undefined || pid === 0) return null;
  const exe = cut(lines.get("Cmd") ?? lines.get("Command"));
  const args = cut(lines.get("Args"));
  const container = containerOf(lines);
  const pod = podOf(lines);
  return withoutAbsent({
    pid,
    tid: number("ThreadId", "TID"),
    ppid: number("ParentPID"),
    comm: lines.get("ThreadName") ?? nameOf(exe ?? ""),
    exe,
    args: args?.split(" "),
    uid: number("UserId") ?? null,
    gid: number("GroupId"),
    container,
    pod,
  });
}

/** ptcpdump ends what it cut with three dots. */
function cut(value: string | undefined): string | undefined {
  return value?.endsWith("...") ? value.slice(0, -3) : value || undefined;
}

/** The name that the kernel gives a process when it starts a program. */
function nameOf(exe: string): string {
  const name = Buffer.from(exe.slice(exe.lastIndexOf("/") + 1));
  return name.subarray(0, COMM_BYTES).toString("utf8");
}

function containerOf(lines: ReadonlyMap<string, string>): ContainerInfo | undefined {
  const containerId = lines.get("ContainerId");
  if (!containerId) return undefined;
  const name = lines.get("ContainerName") || undefined;
  return withoutAbsent({ id: containerId, runtime: null, name, image: lines.get("ContainerImage") || undefined });
}

function podOf(lines: ReadonlyMap<string, string>): PodInfo | undefined {
  const uid = lines.get("PodUID");
  if (!uid) return undefined;
  return withoutAbsent({
    uid,
    name: lines.get("PodName") || undefined,
    namespace: lines.get("PodNamespace") || undefined,
  });
}

function withoutAbsent<Value extends object>(value: Value): Value {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Value;
}

/** Everything known of both ends as a packet comment; null when nothing is known. `parseComment` gives both back. */
export function ownersComment(client: ProcessInfo | null, server: ProcessInfo | null): string | null {
  return client === null && server === null ? null : OWN_PREFIX + JSON.stringify({ client, server });
}

const traceeSchema = z.object({
  processName: text.optional(),
  container: z.object({ id: text.optional(), name: text.optional(), image: text.optional() }).optional(),
  kubernetes: z.object({ podName: text.optional(), podNamespace: text.optional(), podUID: text.optional() }).optional(),
  process: z.object({
    threadStartTime: z.number().optional(),
    hostProcessId: id,
    hostThreadId: id.optional(),
    hostParentProcessId: id.optional(),
    userId: id.optional(),
    mountNamespace: id.optional(),
    pidNamespace: id.optional(),
    executable: text.optional(),
  }),
});

/** Nanoseconds; below this it counts from boot, not from 1970. */
const EPOCH_NANOSECONDS = 1e18;

/** The one process whose packets an interface of a Tracee capture holds; null for other captures and other contents. */
export function parseTraceeDescription(description: string): ProcessInfo | null {
  if (!description.startsWith("{") || description.length > MAX_COMMENT) return null;
  const parsed = traceeSchema.safeParse(parseJson(description));
  if (!parsed.success) return null;
  const { process, container, kubernetes } = parsed.data;
  const start = process.threadStartTime ?? 0;
  return withoutAbsent({
    pid: process.hostProcessId,
    tid: process.hostThreadId,
    ppid: process.hostParentProcessId,
    comm: parsed.data.processName ?? nameOf(process.executable ?? ""),
    exe: process.executable || undefined,
    uid: process.userId ?? null,
    start_time: start > EPOCH_NANOSECONDS ? formatTime(Math.floor(start / 1000)) : undefined,
    namespaces: withoutAbsent({ pid: process.pidNamespace, mnt: process.mountNamespace }),
    container: container?.id
      ? withoutAbsent({
          id: container.id,
          runtime: null,
          name: container.name || undefined,
          image: container.image || undefined,
        })
      : undefined,
    pod: kubernetes?.podUID
      ? withoutAbsent({
          uid: kubernetes.podUID,
          name: kubernetes.podName || undefined,
          namespace: kubernetes.podNamespace || undefined,
        })
      : undefined,
  });
}
