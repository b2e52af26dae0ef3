/** The completeness ledger: one line that never leaves the screen, and a screen with every count. */
import type { Ledger } from "../../../core/ledger.ts";
import { box } from "../draw.ts";
import { amount, percent, size } from "../format.ts";
import type { Pane } from "../frame.ts";
import { BOLD, type Style, style } from "../style.ts";
import { pad } from "../width.ts";
import type { Line } from "./lines.ts";
import type { ViewContext } from "./view-context.ts";

interface Entry {
  readonly name: string;
  /** Short name for the line. */
  readonly short: string;
  readonly count: number;
  readonly text?: string;
  /** May be how things are, and nothing that was lost: worth telling, no verdict. */
  readonly natural?: boolean;
  /** What it means for what is shown. */
  readonly about: string;
}

function total(counts: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}

/** What may be missing from every number on the screen. */
function losses(ledger: Ledger, model: ViewContext["model"]): readonly Entry[] {
  return [
    {
      name: "packets dropped by the kernel",
      short: "dropped",
      count: ledger.kernelDropped,
      text: `${amount(ledger.kernelDropped)} (${percent(ledger.lossShare)})`,
      about: "capture fell behind: counts are lower bounds",
    },
    {
      name: "octets missing in flows",
      short: "gaps",
      count: ledger.gapBytes,
      text: size(ledger.gapBytes),
      about: `${amount(ledger.gaps)} gaps: exchanges around them are marked`,
    },
    {
      name: "requests without response",
      short: "unanswered",
      count: ledger.requestsUnmatched,
      natural: true,
      about: "the server gave none, or it came after the capture or in a gap",
    },
    {
      name: "responses without request",
      short: "unasked",
      count: ledger.responsesUnmatched,
      natural: true,
      about: "asked before the capture, or in a gap",
    },
    { name: "rows cut by a limit", short: "cut", count: ledger.truncated, about: "marked as truncated" },
    {
      name: "packets cut by the snap length",
      short: "snapped",
      count: ledger.packetsCut,
      about: "captured with too small a snap length",
    },
    {
      name: "malformed packets",
      short: "malformed",
      count: ledger.malformedPackets,
      about: "headers could not be read",
    },
    { name: "fragments lost", short: "fragments", count: ledger.fragmentsLost, about: "never completed" },
    { name: "given up by full tables", short: "evicted", count: total(ledger.evicted), about: "see below" },
    { name: "lost by outputs", short: "outputs", count: total(ledger.sinkDropped), about: "see below" },
    { name: "owners lost", short: "owners", count: ledger.ownersLost, about: "processes the kernel could not tell" },
    {
      name: "internal errors",
      short: "errors",
      count: ledger.internalErrors,
      about: "a bug of ours: please report it",
    },
    {
      name: "seconds too old for the graphs",
      short: "late",
      count: model.recent.late > 0 && model.source.kind === "live" ? model.recent.late : 0,
      about: "exchanges that ended long after they began: in all lists, not in the second-by-second graph",
    },
  ];
}

/** Kept in sight even at zero. */
const ALWAYS = 5;

export function ledgerStrip(pane: Pane, { model }: ViewContext): void {
  const { ledger } = model;
  const entries = losses(ledger, model);
  const lost = entries.filter((entry) => entry.count > 0);
  pane.onClick(0, { type: "screen", screen: "ledger" });
  const verdict: [string, Style] = lost.every((entry) => entry.natural)
    ? [" ✓ nothing lost ", style("good", BOLD)]
    : [" ✗ incomplete ", style("warn", BOLD)];
  let x = pane.runs(0, 0, [verdict, [`${amount(ledger.packets)} packets`, style("muted")]]);
  // what was lost first, so that a narrow screen still shows it
  const shown = [...lost, ...entries.slice(0, ALWAYS).filter((entry) => entry.count === 0)];
  for (const entry of shown) {
    const text = ` · ${entry.short} ${entry.text ?? amount(entry.count)}`;
    if (x + text.length > pane.width) return;
    x = pane.put(x, 0, text, entry.count > 0 ? style("warn", BOLD) : style("muted"));
  }
}

export function ledgerScreen(pane: Pane, { model }: ViewContext): void {
  const inside = box(pane, "Completeness ledger", "what was seen, and what was not", true);
  const lines = ledgerLines(model);
  const columns = inside.width >= 150 ? 2 : 1;
  const width = Math.floor(inside.width / columns);
  const last = Math.max(0, lines.length - inside.height * columns);
  pane.frame.scrollLimit = last;
  const first = Math.min(model.ui.scroll, last);
  for (let index = 0; index < inside.height * columns && first + index < lines.length; index++) {
    const column = Math.floor(index / inside.height);
    inside.part(column * width, index % inside.height, width - 1, 1).runs(0, 0, lines[first + index]);
  }
}

function ledgerLines(model: ViewContext["model"]): readonly Line[] {
  const { ledger } = model;
  const plain = (name: string, value: string): Line => [
    [pad(` ${name}`, 34), style("muted")],
    [value.padStart(14), 0],
  ];
  const heading = (text: string): Line => [[text, BOLD]];
  const counted = (title: string, counts: ReadonlyMap<string, number>): Line[] =>
    counts.size === 0
      ? []
      : [
          [],
          heading(title),
          ...[...counts].sort((a, b) => b[1] - a[1]).map(([name, count]) => plain(name, amount(count))),
        ];
  return [
    heading("Missing"),
    ...losses(ledger, model).map((entry): Line => {
      const look = entry.count > 0 ? style("warn", BOLD) : style("good");
      return [
        [pad(` ${entry.name}`, 34), entry.count > 0 ? 0 : style("muted")],
        [(entry.text ?? amount(entry.count)).padStart(14), look],
        [entry.count > 0 ? `  ${entry.about}` : "", style("muted")],
      ];
    }),
    [],
    heading("Seen"),
    plain("packets", amount(ledger.packets)),
    plain("octets", size(ledger.bytes)),
    plain("TCP packets", amount(ledger.tcpPackets)),
    plain("other packets", amount(ledger.otherPackets)),
    plain("copies, counted once", amount(ledger.copies)),
    plain("retransmitted packets", amount(ledger.retransmittedPackets)),
    plain("flows", amount(ledger.flows)),
    plain("flows joined after their start", amount(ledger.flowsMidstream)),
    plain("flows with HTTP", amount(ledger.httpFlows)),
    plain("requests", amount(ledger.requests)),
    plain("responses", amount(ledger.responses)),
    plain("exchanges", amount(ledger.transactions)),
    plain("  complete", amount(ledger.complete)),
    plain("  without response", amount(ledger.noResponse)),
    plain("  aborted", amount(ledger.aborted)),
    plain("  with a gap", amount(ledger.withGap)),
    plain("TLS connections", amount(ledger.tlsConnections)),
    ...counted("Anomalies", ledger.anomalies),
    ...counted("Given up by full tables", ledger.evicted),
    ...counted("Lost by outputs", ledger.sinkDropped),
    [],
    heading("This dashboard"),
    plain("exchanges held", `${amount(model.exchangesHeld)} of ${amount(model.limits.exchanges)}`),
    plain("exchanges let go", amount(model.exchangesGone)),
    plain("rankings exact to within", `${amount(model.topsFloor)} requests`),
  ];
}
