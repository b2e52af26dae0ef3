/**
 * Records the terminal dashboard for the docs: starts a command in tmux, presses keys, saves what is on the screen as
 * text and SVG.
 *
 *   node scripts/record-dashboard.mjs --out docs/images [--size 120x36] [--settle 8] [--only overview,detail] -- COMMAND…
 *
 * COMMAND is anything that shows the dashboard, e.g. `earshot watch --ui -i lo` beside a web server under load. Without
 * one, made-up traffic is shown.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ansiToSvg, plainText } from "./ansi-to-svg.mjs";

/** Screens in the order they are recorded: name, keys that lead there from the one before. */
const SCREENS = [
  ["overview", []],
  ["exchanges", ["2"]],
  ["detail", ["Enter"]],
  ["top", ["Escape", "3", "Tab", "Tab"]],
  ["https", ["4"]],
  ["alerts", ["5"]],
  ["ledger", ["6"]],
  ["filter", ["1", "f", "status >= 4", "Tab"]],
  ["filtered", ["Escape", "f", "status == 5xx", "Enter"]],
  ["help", ["x", "?"]],
];

const DEMO = [process.execPath, "test/support/dashboard-demo.ts", "--rate", "120"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: "string", default: "docs/images" },
    size: { type: "string", default: "120x36" },
    /** Seconds to let the graphs fill. */
    settle: { type: "string", default: "8" },
    only: { type: "string" },
  },
});

if (spawnSync("tmux", ["-V"]).status !== 0) {
  console.error("record-dashboard: tmux is not installed. Install it and run this again.");
  process.exit(1);
}

const [columns, rows] = values.size.split("x").map(Number);
const wanted = values.only?.split(",");
const server = `earshot-record-${process.pid}`;
const tmux = (...parameters) => execFileSync("tmux", ["-L", server, ...parameters], { encoding: "utf8" });
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const command = positionals.length > 0 ? positionals : DEMO;

mkdirSync(values.out, { recursive: true });
const environment = ["env", "TERM=tmux-256color", "COLORTERM=truecolor", "LANG=C.UTF-8"];
tmux("-f", "/dev/null", "new-session", "-d", "-x", `${columns}`, "-y", `${rows}`, ...environment, ...command);
try {
  await sleep(Number(values.settle) * 1_000);
  for (const [name, keys] of SCREENS) {
    for (const key of keys) {
      if (/^[A-Z][a-z]+$/.test(key)) tmux("send-keys", key);
      else tmux("send-keys", "-l", key);
      await sleep(300);
    }
    await sleep(500);
    if (wanted !== undefined && !wanted.includes(name)) continue;
    const lines = tmux("capture-pane", "-e", "-p").replace(/\n$/, "").split("\n");
    const file = join(values.out, `dashboard-${name}`);
    writeFileSync(`${file}.txt`, plainText(lines));
    writeFileSync(`${file}.svg`, ansiToSvg(lines, columns, `earshot's terminal dashboard: ${name}`));
    console.log(`${file}.txt ${file}.svg`);
  }
} finally {
  spawnSync("tmux", ["-L", server, "kill-server"]);
}
