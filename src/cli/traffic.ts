/** `earshot traffic [URL]`: test traffic, bounded in rate and time. */
import { EXIT, Trouble } from "../core/trouble.ts";
import { startDemoServer } from "../monitor/demo-server.ts";
import { generateTraffic } from "../monitor/traffic-generator.ts";
import { stopOnSignals } from "./signals.ts";

export interface TrafficCommandOptions {
  readonly rate: number;
  readonly duration: number;
  readonly connections: number;
  readonly keepAlive: boolean;
  readonly method: string;
  readonly errors: number;
  readonly allowRemote?: boolean;
}

const LONGEST_S = 3_600;

export async function traffic(text: string | undefined, options: TrafficCommandOptions): Promise<void> {
  if (options.duration > LONGEST_S) {
    throw new Trouble("--duration: at most 1h", { exitCode: EXIT.usage, hint: "start it again for more" });
  }
  const stop = stopOnSignals();
  const server = text === undefined ? await startDemoServer(options.errors / 100) : null;
  const url = urlOf(text ?? server!.url, options.allowRemote ?? false);
  process.stderr.write(`earshot: ${options.rate} requests/s to ${url.origin} for ${options.duration} s\n`);
  const result = await generateTraffic({
    url,
    method: options.method.toUpperCase(),
    rate_per_s: options.rate,
    duration_s: options.duration,
    connections: options.connections,
    keepAlive: options.keepAlive,
    signal: stop.signal,
  });
  await server?.close();
  stop.dispose();
  const statuses = [...result.statuses].sort((a, b) => a[0] - b[0]).map(([status, count]) => `${status}: ${count}`);
  process.stdout.write(
    `${result.sent} sent in ${result.elapsed_s.toFixed(1)} s, ${result.answered} answered, ${result.failed} failed, ` +
      `${result.skipped} skipped because all connections were busy${statuses.length > 0 ? ` (${statuses.join(", ")})` : ""}\n`,
  );
  if (result.answered === 0) process.exitCode = EXIT.failed;
}

/** Load for a stranger's machine is an attack: it takes a flag to mean it. */
function urlOf(text: string, allowRemote: boolean): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || url.protocol !== "http:") {
    throw new Trouble(`not an http URL: ${text}`, { exitCode: EXIT.usage, hint: "write http://127.0.0.1:8080/path" });
  }
  const host = url.hostname;
  const local = host === "localhost" || host === "[::1]" || /^127\./.test(host);
  if (!local && !allowRemote) {
    throw new Trouble(`${host} is not this machine`, {
      exitCode: EXIT.usage,
      hint: "add --allow-remote if you may send load to it",
    });
  }
  return url;
}
