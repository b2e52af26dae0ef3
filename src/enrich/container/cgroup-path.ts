/**
 * What a control group's path tells: container id, runtime, pod. Takes the text of /proc/PID/cgroup (cgroups(7), v1 and
 * v2) and reads the path shapes of docker, containerd, cri-o and podman, under cgroupfs and systemd, also as seen from
 * inside a cgroup namespace (leading `/..`). Pure. What the path does not say is null.
 */

export interface CgroupFacts {
  /** The path worth showing: of v2, else of systemd's hierarchy, else the first that is not the root. */
  readonly path: string;
  readonly containerId: string | null;
  readonly runtime: string | null;
  readonly podUid: string | null;
}

const MAX_TEXT = 16_384;

/** systemd scope prefixes and what they mean. Monitors (`conmon`) run outside of the container they watch. */
const SCOPE_RUNTIMES: Readonly<Record<string, string>> = {
  docker: "docker",
  "cri-containerd": "containerd",
  nerdctl: "containerd",
  containerd: "containerd",
  crio: "cri-o",
  "cri-o": "cri-o",
  libpod: "podman",
};

/** cgroupfs parents and what they mean, for a component that is only an id. */
const PARENT_RUNTIMES: Readonly<Record<string, string>> = { docker: "docker", libpod_parent: "podman" };

const SCOPE = /^([a-z][a-z-]*?)-([0-9a-f]{64})(?:\.scope)?$/;
const COLON_SCOPE = /:([a-z][a-z-]*):([0-9a-f]{64})$/;
const BARE = /^[0-9a-f]{64}$/;
const POD =
  /(?:^|-)pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?$/;

/** Text of /proc/PID/cgroup: lines `hierarchy:controllers:path`. */
export function readCgroups(text: string): CgroupFacts {
  const paths: { controllers: string; path: string }[] = [];
  for (const line of text.slice(0, MAX_TEXT).split("\n")) {
    const first = line.indexOf(":");
    const second = line.indexOf(":", first + 1);
    if (first > 0 && second > 0) {
      paths.push({ controllers: line.slice(first + 1, second), path: withoutParents(line.slice(second + 1)) });
    }
  }
  // v2 has no controllers; in hybrid setups the container may show only in the v1 hierarchies
  paths.sort((a, b) => rank(a) - rank(b));
  for (const { path } of paths) {
    const facts = readCgroupPath(path);
    if (facts.containerId !== null || facts.podUid !== null) return facts;
  }
  return readCgroupPath(paths.find(({ path }) => path !== "/")?.path ?? paths[0]?.path ?? "/");
}

function rank(entry: { controllers: string; path: string }): number {
  if (entry.controllers === "") return 0;
  return entry.controllers === "name=systemd" ? 1 : 2;
}

/** `/../../docker-….scope`, seen from a cgroup namespace beside it, is `/docker-….scope`. */
function withoutParents(path: string): string {
  return path.replace(/^(?:\/\.\.)+(?=\/|$)/, "") || "/";
}

/** One path; the innermost container counts when containers are nested. */
export function readCgroupPath(path: string): CgroupFacts {
  const parts = path.slice(0, MAX_TEXT).split("/");
  let containerId: string | null = null;
  let runtime: string | null = null;
  let podUid: string | null = null;
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index];
    const pod = POD.exec(part.split(":", 1)[0]);
    if (pod) {
      podUid = pod[1].replaceAll("_", "-");
      containerId = runtime = null; // what is outside of the pod is the node, itself in a container (kind)
    }
    const found = containerOf(part, parts[index - 1] ?? "");
    if (found) {
      containerId = found.id;
      runtime = found.runtime;
    }
  }
  return { path, containerId, runtime, podUid };
}

function containerOf(part: string, parent: string): { id: string; runtime: string | null } | null {
  if (BARE.test(part)) return { id: part, runtime: PARENT_RUNTIMES[parent] ?? null };
  const scope = SCOPE.exec(part) ?? COLON_SCOPE.exec(part);
  if (!scope || scope[1].endsWith("conmon")) return null;
  return { id: scope[2], runtime: SCOPE_RUNTIMES[scope[1]] ?? null };
}
