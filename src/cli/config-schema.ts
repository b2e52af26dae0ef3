/**
 * Everything that can be set in `earshot.toml`: one zod schema for validation, messages, `earshot config` and the
 * reference page (docs/configuration.md). In: as a person writes it. Out: units as inside (lengths of time in
 * microseconds unless a name ends in `_ms` or `_s`, sizes in octets).
 */
import { z } from "zod";
import { alertSchema, duration } from "../alert/schema.ts";
import { EXIT, type Trouble } from "../core/trouble.ts";
import { DAY, MINUTE, SECOND } from "../core/units.ts";
import { redactSchema } from "../redact/schema.ts";
import { notifySchema } from "../sink/notify/schema.ts";
import { milliseconds, size_bytes } from "./values.ts";
import { workers } from "./worker-count.ts";

/** A text or number that an option's own reader takes. */
const readBy = <T>(reads: string, read: (text: string) => T, example: string) =>
  z
    .union([z.string(), z.number()])
    .transform((input, context): T => {
      try {
        return read(String(input));
      } catch (error) {
        if ((error as Trouble).exitCode !== EXIT.usage) throw error;
        context.addIssue({ code: "custom", message: `expected a ${reads} such as ${example}` });
        return z.NEVER;
      }
    })
    .meta({ reads });
const size = (example: string) => readBy("size", size_bytes(""), example);

const port = z.union([
  z.number().int().min(1).max(65_535),
  z.string().regex(/^\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*$/, 'expected ports such as 80 or "8000-8100"'),
]);

const capture = z.strictObject({
  interfaces: z
    .array(z.string().min(1))
    .max(100)
    .default([])
    .describe("Interfaces to watch; none means every one (`-i`)."),
  ports: z
    .array(port.transform(String).meta({ reads: "port" }))
    .max(1_000)
    .default([])
    .describe("TCP ports to keep, as `80` or `8000-8100`; none means all (`-p`)."),
  bpf: z.string().min(1).nullable().default(null).describe("Packet filter in tcpdump's language (`--bpf`)."),
  snaplen: z
    .number()
    .int()
    .min(64)
    .max(262_144)
    .default(262_144)
    .describe("Octets of each packet to keep (`--snaplen`)."),
  buffer: size('"64MiB"')
    .nullable()
    .default(null)
    .describe("Size of the capture ring; 64 MiB when not set (`--buffer`)."),
  promiscuous: z
    .boolean()
    .default(false)
    .describe("Also packets for other machines, on named interfaces (`--promiscuous`)."),
  workers: readBy("whole number, 1 to 64, or `auto`", workers(""), '2 or "auto"')
    .default(1)
    .describe("Threads that share the work of a live capture; `auto`: one for two processors (`--workers`)."),
  attribution: z
    .enum(["auto", "ebpf", "proc", "none"])
    .default("auto")
    .describe("How processes are found (`--attribution`)."),
  runtime_sockets: z
    .array(z.string().min(1))
    .max(16)
    .default([])
    .describe("Sockets of container runtimes to ask for names; none means the usual ones (`--runtime-socket`)."),
});

const output = z.strictObject({
  outputs: z
    .array(z.string().min(1))
    .max(50)
    .default([])
    .describe('What `watch` and `read` write, as `-o` takes it; none means `["table"]`.'),
  columns: z.string().min(1).nullable().default(null).describe("Columns of the table (`--columns`)."),
  filter: z
    .array(z.string().min(1))
    .max(100)
    .default([])
    .describe("Only what matches all of these is shown and counted (`--filter`)."),
  min_latency: readBy("length of time", milliseconds(""), '250 or "1.5s"')
    .default(0)
    .describe("Only exchanges that took this long, in milliseconds when no unit is given (`--min-latency`)."),
  max_body_size: size('"4kB"').default(0).describe("Keep this much of each body; 0 keeps none (`--max-body-size`)."),
  capture_request: z.boolean().default(true).describe("Show requests (`--capture-request`)."),
  capture_response: z.boolean().default(true).describe("Show responses (`--capture-response`)."),
  color: z.boolean().default(true).describe("Colours on a terminal (`--no-color`)."),
  summary: z.boolean().default(true).describe("Summary at the end (`--no-summary`)."),
});

const statistics = z.strictObject({
  max_top_hits: z.number().int().min(1).max(10_000).default(10).describe("Rows of a ranking (`--limit`)."),
  max_str_length: z
    .number()
    .int()
    .min(16)
    .max(65_536)
    .default(1_024)
    .describe("Longest key in characters; what is longer is cut and ends in `…`."),
  max_retention_length: duration(SECOND)
    .default(DAY)
    .describe("Keys of rankings that were not seen for so long are forgotten."),
  max_keys: z
    .number()
    .int()
    .min(10)
    .max(1_000_000)
    .default(10_000)
    .describe("Keys that a ranking keeps; exact up to there (`--keep`)."),
  country_database: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe("A MaxMind country database of your own, instead of the installed one."),
});

const dashboard = z.strictObject({
  refresh: duration(SECOND / 10, 10 * MINUTE)
    .default(10 * SECOND)
    .describe("How often `stats` and the console monitor's screen are drawn anew (`--interval`)."),
});

const filterName = z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, "a filter's name is letters, digits, `-` and `_`");

export const configSchema = z.strictObject({
  plugins: z
    .array(z.string().min(1))
    .max(100)
    .default([])
    .describe("Plug-in files; relative to the configuration file (`--plugin` adds more)."),
  capture: capture.prefault({}),
  output: output.prefault({}),
  filters: z.record(filterName, z.string()).default({}).describe("Filters by name, for `@name` in every other filter."),
  statistics: statistics.prefault({}),
  dashboard: dashboard.prefault({}),
  redact: redactSchema.prefault({}),
  alerts: alertSchema.prefault({}),
  notify: notifySchema,
});

export type Config = z.output<typeof configSchema>;

/** Where a setting comes from. */
export type Origin = "file" | "environment";

export interface Settings extends Config {
  /** The file that was read; null when only the environment set something. */
  readonly path: string | null;
  /** What relative paths in the file start from. */
  readonly folder: string;
  /** As they were written, merged: the file's values with those of the environment over them. */
  readonly raw: Readonly<Record<string, unknown>>;
  /** Paths as `capture.interfaces`, of what was set. */
  readonly origins: ReadonlyMap<string, Origin>;
}
