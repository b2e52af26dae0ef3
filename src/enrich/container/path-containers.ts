/**
 * Containers whose control group does not look like one, because somebody chose their ids: `ctr run … shop` is in
 * `/default/shop`, containerd's namespace and the id. Only containerd can tell that from any other control group, and it
 * counts only when the container's own configuration names the very path.
 */
import type { GuardedSource } from "./guarded-source.ts";
import type { PathAsked, RuntimeAnswer } from "./runtime-answer.ts";

const MAX_CACHED = 2_048;
const ASK_AGAIN_MS = 60_000;
/** An identifier of containerd, and none of systemd's units. */
const PART = /^(?!.*\.(?:slice|scope|service|mount|socket|swap)$)[A-Za-z0-9][A-Za-z0-9._-]{0,75}$/;

interface Known {
  answer: RuntimeAnswer | null;
  askAgainAt: number;
  asking: Promise<void> | null;
}

export class PathContainers {
  private readonly known = new Map<string, Known>();
  private readonly sources: readonly GuardedSource[];

  constructor(sources: readonly GuardedSource[]) {
    this.sources = sources;
  }

  /** Calls `tell`, now or later, if the control group is a container's. */
  lookup(cgroup: string, tell: (id: string, answer: RuntimeAnswer) => void): void {
    const asked = pathAsked(cgroup);
    if (asked === null) return;
    const known = this.known.get(cgroup) ?? this.add(cgroup);
    if (known.answer === null && performance.now() >= known.askAgainAt) {
      known.askAgainAt = performance.now() + ASK_AGAIN_MS;
      known.asking = this.ask(asked, known);
    }
    if (known.answer !== null) tell(asked.id, known.answer);
    else void known.asking?.then(() => known.answer && tell(asked.id, known.answer));
  }

  private add(cgroup: string): Known {
    if (this.known.size >= MAX_CACHED) this.known.delete(this.known.keys().next().value!);
    const known: Known = { answer: null, askAgainAt: 0, asking: null };
    this.known.set(cgroup, known);
    return known;
  }

  private async ask(asked: PathAsked, known: Known): Promise<void> {
    for (const source of this.sources) known.answer ??= await source.askPath(asked);
    known.asking = null;
  }
}

/** null for a path that no container made by containerd's own API can have. */
export function pathAsked(cgroup: string): PathAsked | null {
  const [root, namespace, id, ...more] = cgroup.split("/", 4);
  if (root !== "" || namespace === undefined || id === undefined || more.length > 0) return null;
  return PART.test(namespace) && PART.test(id) ? { namespace, id, cgroup } : null;
}
