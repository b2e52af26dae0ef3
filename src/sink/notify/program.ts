/**
 * Runs a program with a record on its standard input: no shell, few environment variables, a time limit after which its
 * whole process group is killed. Used for commands and for sendmail.
 */
import { spawn } from "node:child_process";
import { Refused, type Sender } from "../output/queued-sender.ts";

/** Of what the program writes to standard error, for the message. */
const STDERR_KEPT = 500;
/** What a program may know of our environment: secrets live there too. */
const ENVIRONMENT = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "USER"];
/** sysexits.h: worth another try. */
const EX_TEMPFAIL = 75;

export class ProgramSender implements Sender {
  readonly batch = 1;
  readonly parallel = 1;
  private readonly command: readonly string[];
  private readonly timeout_ms: number;

  constructor(command: readonly string[], timeout_ms: number) {
    this.command = command;
    this.timeout_ms = timeout_ms;
  }

  send([input]: readonly string[], signal: AbortSignal): Promise<void> {
    const [program, ...args] = this.command;
    const env = Object.fromEntries(
      ENVIRONMENT.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
    );
    return new Promise((resolve, reject) => {
      const child = spawn(program, args, { stdio: ["pipe", "ignore", "pipe"], shell: false, detached: true, env });
      let errors = "";
      let late = false;
      const kill = () => {
        late = true;
        killGroup(child.pid);
      };
      const limit = AbortSignal.any([signal, AbortSignal.timeout(this.timeout_ms)]);
      limit.addEventListener("abort", kill, { once: true });
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        if (errors.length < STDERR_KEPT) errors += text.slice(0, STDERR_KEPT - errors.length);
      });
      child.on("error", (error: NodeJS.ErrnoException) => {
        limit.removeEventListener("abort", kill);
        // what is not there now will not be there in a second
        reject(
          ["ENOENT", "EACCES"].includes(error.code ?? "") ? new Refused(`cannot run ${program}: ${error.code}`) : error,
        );
      });
      child.on("close", (code) => {
        limit.removeEventListener("abort", kill);
        if (late) reject(new Error(`${program} took longer than ${this.timeout_ms} ms`));
        else if (code === 0) resolve();
        else
          reject(
            failure(`${program} ended with ${code ?? "a signal"}${errors === "" ? "" : `: ${errors.trim()}`}`, code),
          );
      });
      // a program that does not read its input is no failure
      child.stdin.on("error", () => {});
      child.stdin.end(input);
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Usage mistakes (64, `EX_USAGE`) and a program that is no program (126, 127) stay mistakes. */
function failure(message: string, code: number | null): Error {
  return code !== EX_TEMPFAIL && code !== null && [64, 126, 127].includes(code)
    ? new Refused(message)
    : new Error(message);
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // it ended by itself
  }
}
