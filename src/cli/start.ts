/** `earshot start`: everything this machine sends and receives, in a dashboard where there is a terminal. */
import { canShowDashboard } from "../dashboard/terminal/theme.ts";
import { startDemoServer } from "../monitor/demo-server.ts";
import { generateTraffic } from "../monitor/traffic-generator.ts";
import { type DashboardCommandOptions, dashboard } from "./dashboard.ts";
import { notice, watch } from "./watch.ts";

export interface StartOptions extends DashboardCommandOptions {
  readonly demo?: boolean;
}

const DEMO_RATE_PER_S = 15;
const DEMO_LONGEST_S = 24 * 3600;

export async function start(options: StartOptions): Promise<void> {
  const demo = options.demo ? await startDemo() : null;
  try {
    const rows = options.output !== undefined || options.quiet || !canShowDashboard(process.env, process.stdout.isTTY);
    if (rows) await watch(options);
    else await dashboard(options);
  } finally {
    await demo?.stop();
  }
}

/** A small server and visitors for it, on loopback only, until earshot ends. */
async function startDemo(): Promise<{ stop(): Promise<void> }> {
  const server = await startDemoServer(0.02);
  const controller = new AbortController();
  if (!process.stdout.isTTY) notice(`demo: ${DEMO_RATE_PER_S} requests/s to ${server.url}`);
  const done = generateTraffic({
    url: new URL(server.url),
    method: "GET",
    rate_per_s: DEMO_RATE_PER_S,
    duration_s: DEMO_LONGEST_S,
    connections: 4,
    keepAlive: true,
    signal: controller.signal,
  });
  return {
    async stop() {
      controller.abort();
      await server.close();
      await done;
    },
  };
}
