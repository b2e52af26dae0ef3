/**
 * Who is told of alerts, and how: a zod schema that the configuration file embeds as `notify`. Times in seconds. Every
 * setting is in docs/alerts.md.
 */
import { z } from "zod";

export const NOTIFY_STATES = [
  "pending",
  "firing",
  "resolving",
  "resolved",
  "restarted",
  "drift",
  "flapping",
  "no-data",
  "first-seen",
] as const;
const SEVERITIES = ["info", "warning", "critical"] as const;

const common = {
  name: z.string().min(1).max(60).nullable().default(null),
  enabled: z.boolean().default(true),
  /** Transitions that are told. */
  states: z.array(z.enum(NOTIFY_STATES)).default(["firing", "resolved", "flapping", "no-data", "drift", "first-seen"]),
  /** Least severity of an alert for its beginning to be told; its end is told when its beginning was. */
  severity: z.enum(SEVERITIES).default("info"),
  /** Filter over alert records. */
  filter: z.string().min(1).nullable().default(null),
  /** Notifications that may wait. */
  queue: z.number().int().min(1).max(10_000).default(200),
  /** Tries for one before it is dropped and counted. */
  attempts: z.number().int().min(1).max(20).default(6),
  timeout_s: z.number().min(0.1).max(300).default(10),
};

const http = {
  url: z.url({ protocol: /^https?$/, error: "expected an http:// or https:// URL" }),
  headers: z.record(z.string().regex(/^[!#$%&'*+.^_`|~\w-]+$/), z.string().regex(/^[^\r\n]*$/)).default({}),
};

/** One line of text, without control characters: an address, a header's value, a name. */
const line = z
  .string()
  .min(1)
  .max(500)
  .regex(/^[^\u0000-\u001f\u007f]+$/, "must be one line");

const consoleNotifier = z.strictObject({
  kind: z.literal("console"),
  ...common,
  states: common.states.default(["firing", "resolved", "flapping", "no-data", "drift", "first-seen", "restarted"]),
  to: z.enum(["stdout", "stderr"]).default("stderr"),
});
const jsonNotifier = z.strictObject({
  kind: z.literal("json"),
  ...common,
  states: common.states.default([...NOTIFY_STATES]),
  /** `-` is standard output. */
  path: line.default("-"),
});
const webhookNotifier = z.strictObject({
  kind: z.literal("webhook"),
  ...common,
  ...http,
  /** Key of the signature; null sends none. */
  secret: z.string().min(1).nullable().default(null),
});
const slackNotifier = z.strictObject({ kind: z.literal("slack"), ...common, ...http });
const alertmanagerNotifier = z.strictObject({
  kind: z.literal("alertmanager"),
  ...common,
  ...http,
  /** Labels added to every alert, e.g. `instance`. */
  labels: z.record(z.string().regex(/^[a-zA-Z_]\w*$/), z.string()).default({}),
  /** How long Alertmanager keeps an alert firing that nobody resolves. */
  hold_s: z
    .number()
    .min(60)
    .default(7 * 86_400),
});
const syslogNotifier = z.strictObject({
  kind: z.literal("syslog"),
  ...common,
  transport: z.enum(["udp", "tcp", "unix"]).default("udp"),
  host: line.default("127.0.0.1"),
  port: z.number().int().min(1).max(65_535).default(514),
  /** Of transport `unix`: a stream socket. */
  path: line.nullable().default(null),
  /** 16 to 23 are local0 to local7; 4 is auth, 1 user. */
  facility: z.number().int().min(0).max(23).default(16),
  app_name: z
    .string()
    .regex(/^[\x21-\x7e]{1,48}$/)
    .default("earshot"),
});
const emailNotifier = z.strictObject({
  kind: z.literal("email"),
  ...common,
  to: z
    .array(line.regex(/^[^\s<>,;"-][^\s<>,;"]*@[^\s<>,;"]+$/, "expected an address such as ops@example.com"))
    .min(1)
    .max(50),
  from: line.regex(/^[^\s<>,;"-][^\s<>,;"]*$/, "expected a bare address").default("earshot"),
  sendmail: line.default("/usr/sbin/sendmail"),
});
const commandNotifier = z.strictObject({
  kind: z.literal("command"),
  ...common,
  /** Program and arguments; no shell reads them. */
  command: z
    .array(z.string().regex(/^[^\u0000]*$/))
    .min(1)
    .max(100),
});

export const notifierSchema = z.discriminatedUnion("kind", [
  ...([consoleNotifier, jsonNotifier, webhookNotifier, slackNotifier] as const),
  ...([alertmanagerNotifier, syslogNotifier, emailNotifier, commandNotifier] as const),
]);
export const notifySchema = z.array(notifierSchema).max(50).default([]);

export type NotifierConfig = z.output<typeof notifierSchema>;
export type NotifierConfigInput = z.input<typeof notifierSchema>;
export type SyslogConfig = z.output<typeof syslogNotifier>;
export type EmailConfig = z.output<typeof emailNotifier>;
export type AlertmanagerConfig = z.output<typeof alertmanagerNotifier>;
export type CommandConfig = z.output<typeof commandNotifier>;
