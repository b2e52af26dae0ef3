/** Makes HTTP requests at a steady rate for a bounded time. */
import { Agent, request as httpRequest } from "node:http";
import { DEMO_AGENTS, demoTarget } from "./demo-server.ts";

export interface TrafficOptions {
  /** Base URL; with a path of its own every request asks for that. */
  readonly url: URL;
  readonly method: string;
  readonly rate_per_s: number;
  readonly duration_s: number;
  readonly connections: number;
  readonly keepAlive: boolean;
  readonly signal: AbortSignal;
}

export interface TrafficResult {
  sent: number;
  answered: number;
  failed: number;
  /** Requests that were not sent because all connections were busy. */
  skipped: number;
  readonly statuses: Map<number, number>;
  elapsed_s: number;
}

const STEP_MS = 20;
const REQUEST_TIMEOUT_MS = 10_000;

export async function generateTraffic(options: TrafficOptions): Promise<TrafficResult> {
  const agent = new Agent({ keepAlive: options.keepAlive, maxSockets: options.connections });
  const result: TrafficResult = { sent: 0, answered: 0, failed: 0, skipped: 0, statuses: new Map(), elapsed_s: 0 };
  const started = performance.now();
  const total = Math.round(options.rate_per_s * options.duration_s);
  const open = new Set<Promise<void>>();
  let due = 0;
  while (due < total && !options.signal.aborted) {
    const elapsed_s = (performance.now() - started) / 1000;
    if (elapsed_s >= options.duration_s) break;
    const target = Math.min(total, Math.ceil(elapsed_s * options.rate_per_s));
    for (; due < target; due++) {
      if (open.size >= options.connections * 4) {
        result.skipped++;
        continue;
      }
      const one = send(options, agent, result).finally(() => open.delete(one));
      open.add(one);
    }
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
  await Promise.race([Promise.all(open), new Promise((resolve) => setTimeout(resolve, 2_000).unref())]);
  agent.destroy();
  result.elapsed_s = (performance.now() - started) / 1000;
  return result;
}

function send(options: TrafficOptions, agent: Agent, result: TrafficResult): Promise<void> {
  const own = options.url.pathname !== "/" || options.url.search !== "";
  const target = own
    ? { method: options.method, path: options.url.pathname + options.url.search }
    : { ...demoTarget(), ...(options.method === "GET" ? {} : { method: options.method }) };
  const body = target.method === "POST" || target.method === "PUT" ? `name=visitor&at=${Date.now()}` : null;
  result.sent++;
  return new Promise((resolve) => {
    const request = httpRequest({
      agent,
      host: options.url.hostname.replace(/^\[|\]$/g, ""),
      port: options.url.port || 80,
      method: target.method,
      path: target.path,
      timeout: REQUEST_TIMEOUT_MS,
      headers: {
        "User-Agent": DEMO_AGENTS[Math.floor(Math.random() * DEMO_AGENTS.length)],
        ...(body === null
          ? {}
          : { "Content-Type": "application/x-www-form-urlencoded", "Content-Length": body.length }),
      },
    });
    request.on("response", (response) => {
      const status = response.statusCode ?? 0;
      result.statuses.set(status, (result.statuses.get(status) ?? 0) + 1);
      response.resume();
      response.on("end", () => {
        result.answered++;
        resolve();
      });
      response.on("error", () => resolve());
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => {
      result.failed++;
      resolve();
    });
    request.end(body ?? undefined);
  });
}
