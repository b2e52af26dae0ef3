/**
 * Containers that somebody runs without being root: podman's and docker's socket in the user's run-time folder, and
 * podman's list of containers in the user's home. All of it is the user's to write, and tells only of the user's own
 * containers: those whose control group is in the user's slice.
 */
import { join } from "node:path";
import { GuardedSource } from "./guarded-source.ts";
import { type Asked, isComplete, merge, type NameSource, type RuntimeAnswer } from "./runtime-answer.ts";
import { RuntimeFiles, readUntrusted, storagesIn } from "./runtime-files.ts";
import { dockerSockets } from "./runtime-places.ts";

const MAX_USERS = 64;

export class UserRuntimes implements NameSource {
  readonly place = "runtimes of users";
  private readonly users = new Map<number, Promise<readonly GuardedSource[]>>();
  private readonly root: string;
  private readonly pause_ms: number;

  constructor(root: string, pause_ms: number) {
    this.root = root;
    this.pause_ms = pause_ms;
  }

  async ask(asked: Asked): Promise<RuntimeAnswer | null> {
    if (asked.userId === undefined) return null;
    let found: RuntimeAnswer | null = null;
    for (const source of await this.of(asked.userId)) {
      found = merge(found, await source.ask(asked));
      if (isComplete(found, asked)) break;
    }
    return found;
  }

  private of(userId: number): Promise<readonly GuardedSource[]> {
    let sources = this.users.get(userId);
    if (sources === undefined) {
      if (this.users.size >= MAX_USERS) this.users.delete(this.users.keys().next().value!);
      sources = this.open(userId);
      this.users.set(userId, sources);
    }
    return sources;
  }

  private async open(userId: number): Promise<readonly GuardedSource[]> {
    const folder = `${this.root}/run/user/${userId}`;
    const home = homeOf(await readUntrusted(`${this.root}/etc/passwd`), userId);
    const storages = [
      `${folder}/containers`,
      ...(home === null ? [] : [join(this.root, home, ".local/share/containers/storage")]),
    ];
    const files = new RuntimeFiles({ tasks: [], storages: storages.flatMap(storagesIn), inspections: [] });
    const sockets = dockerSockets([`${folder}/podman/podman.sock`, `${folder}/docker.sock`]);
    return [files, ...sockets].map((source) => new GuardedSource(source, this.pause_ms));
  }
}

/** Whose slice a control group is in (systemd: `/user.slice/user-1000.slice/…`); undefined when in nobody's. */
export function userOf(cgroup: string | undefined): number | undefined {
  const found = /^\/user\.slice\/user-(\d{1,10})\.slice\//.exec(cgroup ?? "");
  return found ? Number(found[1]) : undefined;
}

/** From the text of passwd(5). */
function homeOf(passwd: string | null, userId: number): string | null {
  const fields = (passwd ?? "").split("\n").map((line) => line.split(":"));
  const home = fields.find((entry) => entry[2] === `${userId}`)?.[5];
  return home?.startsWith("/") ? home : null;
}
