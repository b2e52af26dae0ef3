/**
 * A dashboard on made-up traffic, to look at while working on it and to drive in tests: `node
 * test/support/dashboard-demo.ts [--rate N] [--file] [--mouse] [--throw SECONDS]`. Nothing is captured.
 */
import { parseArgs } from "node:util";
import { startDashboard } from "../../src/dashboard/terminal/dashboard.ts";
import { openKeyboard } from "../../src/dashboard/terminal/keyboard.ts";
import { Traffic } from "./dashboard-traffic.ts";

const { values } = parseArgs({
  options: {
    rate: { type: "string", default: "200" },
    /** Seconds of traffic that are there at the start. */
    backlog: { type: "string", default: "90" },
    file: { type: "boolean", default: false },
    /** Throws from outside the dashboard after so many seconds: the terminal must be left clean. */
    throw: { type: "string" },
    mouse: { type: "boolean", default: false },
  },
});

const traffic = new Traffic(Number(values.rate));
const keyboard = openKeyboard();
const dashboard = startDashboard({
  source: { kind: values.file ? "file" : "live", name: values.file ? "shop.pcapng" : "eth0", revealed: false },
  input: keyboard.input,
  output: process.stdout,
  environment: process.env,
  mouse: values.mouse,
  beforeFrame: (shown) => {
    shown.ledger(traffic.ledger);
    shown.alerts(traffic.rules());
  },
  onQuit: (reason) => {
    clearInterval(feeder);
    keyboard.close();
    console.log(`demo ended: ${reason}`);
    process.exitCode = 0;
  },
});

dashboard.alerts(traffic.rules());
const started = Date.now() * 1_000;
let fed = started - Number(values.backlog) * 1_000_000;
const feed = () => {
  const now = Date.now() * 1_000;
  for (const event of traffic.between(fed, now)) dashboard.event(event);
  fed = now;
};
const feeder = setInterval(feed, 50);
feed();
if (values.file) clearInterval(feeder);
if (values.throw !== undefined) {
  setTimeout(() => {
    throw new Error("thrown on purpose");
  }, Number(values.throw) * 1_000);
}
