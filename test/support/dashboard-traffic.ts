/** Made-up traffic of a small shop, the same in every run for the same times: for the demo and for tests of the views. */
import type { AlertEvent, EarshotEvent, TlsEvent, TransactionEvent } from "../../src/core/event.ts";
import { Ledger } from "../../src/core/ledger.ts";
import { formatTime, type Micros, SECOND } from "../../src/core/units.ts";
import type { RuleStatus } from "../../src/dashboard/model/alerts.ts";

const PATHS = [
  "/",
  "/cart",
  "/cart/add?item=4711",
  "/api/orders",
  "/api/items?page=2",
  "/login",
  "/static/app.js",
  "/検索?q=茶",
];
const HOSTS = ["shop.example", "shop.example", "shop.example", "api.example", "img.example"];
const AGENTS = [
  "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
  "curl/8.5.0",
  "okhttp/4.12.0",
  "Googlebot/2.1 (+http://www.google.com/bot.html)",
];
const STATUSES = [200, 200, 200, 200, 200, 200, 200, 200, 304, 301, 404, 200, 200, 200, 503, 200];
const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  301: "Moved Permanently",
  304: "Not Modified",
  404: "Not Found",
  503: "Service Unavailable",
};

export class Traffic {
  readonly ledger = new Ledger();
  private readonly perSecond: number;
  private seed = 42;
  private count = 0;
  private start: Micros = 0;
  private alerted = false;
  private alertNumber = 0;
  private alertBegan: Micros = 0;

  constructor(perSecond: number) {
    this.perSecond = perSecond;
  }

  /** Everything that happens in `[from, to)`, in order of time. */
  *between(from: Micros, to: Micros): Generator<EarshotEvent> {
    if (this.start === 0) this.start = from;
    for (let time = from; time < to; ) {
      const wave = 1 + 0.4 * Math.sin((time / SECOND) * (Math.PI / 45)) + (this.surge(time) ? 1.2 : 0);
      time += Math.max(1, Math.round((-Math.log(1 - this.random()) * SECOND) / (this.perSecond * wave)));
      if (time >= to) return;
      if (this.surge(time) && !this.alerted) {
        this.alerted = true;
        this.alertNumber++;
        this.alertBegan = time;
        yield this.alert(time, "firing");
      }
      if (!this.surge(time) && this.alerted) {
        this.alerted = false;
        yield this.alert(time, "resolved");
      }
      this.count++;
      if (this.count % 17 === 0) yield this.connection(time);
      yield this.exchange(time);
    }
  }

  rules(): readonly RuleStatus[] {
    const window_s = 10;
    const usual = { middle: this.perSecond * 10, low: this.perSecond * 5, up: this.perSecond * 15 };
    const base = { scope: null, group: null, window_s, learning_left_s: null };
    return [
      {
        ...base,
        rule: "requests",
        series: "requests",
        unit: "requests",
        state: this.alerted ? "firing" : "normal",
        value: Math.round(this.perSecond * (this.alerted ? 22 : 10.4)),
        usual,
      },
      {
        ...base,
        rule: "errors",
        series: "errors",
        unit: "%",
        state: "normal",
        value: 6,
        usual: { middle: 5, low: 0, up: 25 },
      },
      {
        ...base,
        rule: "latency",
        series: "latency_p95",
        unit: "ms",
        state: "learning",
        learning_left_s: 95,
        value: null,
        usual: null,
      },
    ];
  }

  private surge(time: Micros): boolean {
    return Math.floor((time - this.start) / SECOND) % 90 >= 70;
  }

  private random(): number {
    this.seed = (Math.imul(this.seed, 1_664_525) + 1_013_904_223) >>> 0;
    return this.seed / 2 ** 32;
  }

  private pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.random() * values.length)];
  }

  private exchange(time: Micros): TransactionEvent {
    const id = this.count;
    const target = this.pick(PATHS);
    const [path, query] = target.split("?");
    const unanswered = this.random() < 0.004;
    const status = this.pick(STATUSES);
    const think = 0.4 + 4 * -Math.log(1 - this.random()) * (target.startsWith("/api") ? 4 : 1);
    const size = Math.floor(200 + 12_000 * this.random() ** 3);
    const download = size / 4_000;
    const host = this.pick(HOSTS);
    const flow = 1 + Math.floor(id / 6);
    const { ledger } = this;
    ledger.packets += 4;
    ledger.tcpPackets += 4;
    ledger.bytes += size + 700;
    ledger.requests++;
    ledger.transactions++;
    if (unanswered) ledger.noResponse++;
    else {
      ledger.complete++;
      ledger.responses++;
    }
    ledger.flows = flow;
    ledger.httpFlows = flow;
    return {
      type: "transaction",
      time: formatTime(time),
      time_us: time,
      id: `${flow}.${1 + (id % 6)}`,
      flow: {
        id: flow,
        client: { ip: `10.1.${flow % 7}.${1 + (flow % 40)}`, port: 40_000 + (flow % 20_000) },
        server: { ip: "10.0.0.1", port: 80 },
        interface: "eth0",
        vlan: null,
        encapsulation: null,
      },
      depth: 1 + (id % 6),
      http: { version: "1.1", upgrade: null },
      request: {
        method: target.includes("add") || target === "/login" ? "POST" : "GET",
        target,
        host,
        path,
        query: query ?? null,
        fields: [
          ["Host", host],
          ["User-Agent", AGENTS[flow % AGENTS.length]],
          ["Authorization", "[redacted]"],
          ["Accept", "*/*"],
        ],
        header_bytes: 180,
        body_bytes: 0,
        content_type: null,
        user_agent: AGENTS[flow % AGENTS.length],
      },
      response: unanswered
        ? null
        : {
            status,
            reason: REASONS[status],
            fields: [
              ["Content-Type", path.startsWith("/api") ? "application/json" : "text/html; charset=utf-8"],
              ["Content-Length", String(size)],
              ["Server", "nginx/1.26.0"],
            ],
            header_bytes: 150,
            body_bytes: size,
            content_type: path.startsWith("/api") ? "application/json" : "text/html; charset=utf-8",
          },
      outcome: unanswered ? "no-response" : "complete",
      latency_ms: unanswered
        ? { ttfb: null, total: null, upload: 0, think: null }
        : { ttfb: think + 0.05, total: think + 0.05 + download, upload: 0.05, think },
      bytes: {
        in: 420,
        out: unanswered ? 0 : size + 300,
        in_retransmitted: 0,
        out_retransmitted: 0,
        in_first_packet: 420,
        out_first_packet: unanswered ? 0 : 1_500,
      },
      process: {
        client: null,
        server: {
          pid: 811,
          ppid: 1,
          comm: "nginx",
          exe: "/usr/sbin/nginx",
          args: ["nginx: worker process"],
          uid: 33,
          user: "www-data",
          container: { id: "4f1c9d2e77aa0b", runtime: "docker", name: "shop-web", image: "nginx:1.26" },
        },
      },
      kernel_ms: unanswered ? null : { request_wait: 0.03, process: think * 0.9, response_wait: think * 0.05 },
      quality: { midstream: false, gap_bytes: 0, truncated: false },
      anomalies: id % 997 === 0 ? ["http1.content-length-conflict"] : [],
    };
  }

  private connection(time: Micros): TlsEvent {
    const flow = 100_000 + this.count;
    this.ledger.tlsConnections++;
    return {
      type: "tls",
      time: formatTime(time),
      time_us: time,
      id: `${flow}.1`,
      flow: {
        id: flow,
        client: { ip: "10.0.0.1", port: 50_000 + (this.count % 10_000) },
        server: { ip: "203.0.113.9", port: 443 },
        interface: "eth0",
        vlan: null,
        encapsulation: null,
      },
      version: "TLSv1.3",
      cipher: "TLS_AES_128_GCM_SHA256",
      server_name: this.pick(["pay.example", "mail.example", "cdn.example"]),
      alpn_offered: ["h2", "http/1.1"],
      alpn: "h2",
      ja3: null,
      ja3s: null,
      ja4: "t13d1516h2_8daaf6152771_02713d6af862",
      certificates: [],
      resumed: false,
      outcome: this.random() < 0.05 ? "failed" : "established",
      alert: null,
      handshake_ms: 8 + 20 * this.random(),
      duration_ms: 300 + 900 * this.random(),
      bytes: { in: 1_800, out: 5_200, in_retransmitted: 0, out_retransmitted: 0 },
      process: { client: { pid: 902, comm: "payments", uid: 1000, user: "app" }, server: null },
      quality: { midstream: false, gap_bytes: 0, truncated: false },
      anomalies: [],
    };
  }

  private alert(time: Micros, state: "firing" | "resolved"): AlertEvent {
    const usual = this.perSecond * 10;
    return {
      type: "alert",
      time: formatTime(time),
      time_us: time,
      id: `a-${this.alertNumber}`,
      rule: "requests",
      scope: null,
      group: null,
      state,
      direction: "high",
      severity: "warning",
      summary:
        state === "firing"
          ? `HIGH requests: ${usual * 2} in 10 s, usual ${usual} (+100 %, limit ${usual * 1.5}); mostly /login (94 % of the excess)`
          : `RESOLVED requests after 20 s (peak ${usual * 2.2}, 2 checks)`,
      active_at: formatTime(this.alertBegan),
      fired_at: formatTime(this.alertBegan),
      last_breach_at: formatTime(time),
      resolved_at: state === "resolved" ? formatTime(time) : null,
      window_s: 10,
      value: usual * 2,
      peak: usual * 2.2,
      baseline: { mode: "robust", m: usual, s: 17, up: usual * 1.5, low: usual / 2, age_s: 600, windows: 30 },
      delta_pct: 100,
      score: 2,
      contributors: [
        { dimension: "section", key: "shop.example/login", now: 280, usual: 31, share_of_excess: 0.94, new: false },
      ],
      samples: [],
      quality: { dropped: 0, gap_bytes: 0, unmatched: 0, suspect: false },
      reopened: 0,
      evaluations: 7,
    };
  }
}
