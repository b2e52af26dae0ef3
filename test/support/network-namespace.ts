/** Network namespaces for tests: made, used and deleted by the test. */
import { spawnSync } from "node:child_process";

function succeeds(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}

/** null when namespaces can be made here, else why not: for the name of a test that is skipped. */
export function whyNoNamespace(): string | null {
  if (process.platform !== "linux") return "needs Linux";
  if (process.geteuid?.() !== 0) return "needs root";
  if (!succeeds("ip", "-V")) return "needs iproute2";
  const name = `earshot-probe-${process.pid}`;
  const possible = succeeds("ip", "netns", "add", name);
  if (possible) succeeds("ip", "netns", "del", name);
  return possible ? null : "needs the right to make network namespaces";
}

export class NetworkNamespace {
  readonly name: string;

  /** Has loopback and a pair of connected interfaces `left` and `right`, quiet and up. */
  constructor(purpose: string) {
    this.name = `earshot-${purpose}-${process.pid}`;
    run("ip", "netns", "add", this.name);
    // without IPv6 on them the kernel sends nothing of its own
    this.run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1");
    this.run("ip", "link", "set", "lo", "up");
    this.addPair();
  }

  addPair(): void {
    this.run("ip", "link", "add", "left", "type", "veth", "peer", "name", "right");
    this.run("ip", "link", "set", "left", "up");
    this.run("ip", "link", "set", "right", "up");
  }

  /** Runs a command in the namespace and gives its output. */
  run(...command: string[]): string {
    return run("ip", "netns", "exec", this.name, ...command);
  }

  close(): void {
    spawnSync("ip", ["netns", "del", this.name], { stdio: "ignore" });
  }
}

function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: "utf8",
    timeout: 25_000,
    maxBuffer: 64 << 20,
  });
  if (status !== 0) throw new Error(`${command} ${args.join(" ").slice(0, 200)}: ${stderr}`);
  return stdout;
}
