/** Names and parents of processes by pid, from program starts and forks; for those that are gone when somebody asks. */

const MAX_NAMES = 16_384;

export interface NamedProcess {
  readonly comm: string;
  /** 0 when not known. */
  readonly ppid: number;
}

export class ProcessNames {
  private readonly names = new Map<number, NamedProcess>();

  /** A process started a program, or named itself. */
  started(pid: number, comm: string): void {
    this.keep(pid, { comm, ppid: this.names.get(pid)?.ppid ?? 0 });
  }

  /** `pid` was forked by `ppid`; threads are told of too, with both the same. */
  forked(pid: number, ppid: number): void {
    if (pid === ppid) return;
    // without a name of the parent's the child has none either, until it starts a program
    this.keep(pid, { comm: this.names.get(ppid)?.comm ?? "", ppid });
  }

  of(pid: number): NamedProcess | null {
    const named = this.names.get(pid);
    return named === undefined || named.comm === "" ? null : named;
  }

  private keep(pid: number, named: NamedProcess): void {
    this.names.delete(pid);
    if (this.names.size >= MAX_NAMES) this.names.delete(this.names.keys().next().value!);
    this.names.set(pid, named);
  }
}
