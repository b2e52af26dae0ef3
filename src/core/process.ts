/** Who is at an end of a flow. What is not known is absent or null, never guessed. */

export interface ContainerInfo {
  readonly id: string;
  /** `docker`, `containerd`, `cri-o`, `podman`; null when the cgroup path does not tell. */
  readonly runtime: string | null;
  readonly name?: string;
  readonly image?: string;
}

export interface PodInfo {
  readonly uid: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface ProcessInfo {
  readonly pid: number;
  readonly tid?: number;
  readonly ppid?: number;
  /** Kernel task name, at most 15 bytes. */
  readonly comm: string;
  readonly exe?: string;
  /** Command line, redacted. */
  readonly args?: readonly string[];
  readonly uid: number | null;
  readonly user?: string;
  readonly gid?: number;
  readonly group?: string;
  /** RFC 3339. */
  readonly start_time?: string;
  readonly cgroup?: string;
  readonly namespaces?: { readonly pid?: number; readonly mnt?: number; readonly net?: number };
  readonly container?: ContainerInfo;
  readonly pod?: PodInfo;
}

/** The task's name; the program's where the task has only the name that its runtime (Node) gives every main thread. */
export function shownName(process: ProcessInfo): string {
  if (process.comm !== "MainThread" || process.exe === undefined) return process.comm;
  return process.exe.slice(process.exe.lastIndexOf("/") + 1);
}
