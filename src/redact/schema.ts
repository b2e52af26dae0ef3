/** What a user may set about redaction: plain data, so that it reads from a configuration file and goes to a worker. */
import { z } from "zod";

const pattern = z
  .string()
  .min(1)
  .max(128)
  .regex(
    /^(?:(?:field|param|cookie):)?[^\s:]+$/,
    "use a name, `*` globs allowed, with `field:`, `param:` or `cookie:` before it",
  );

export const redactSchema = z.strictObject({
  reveal: z.boolean().default(false).describe("Show everything; every output says so in its header line (`--reveal`)."),
  hash_key: z
    .string()
    .min(1)
    .max(1024)
    .nullable()
    .default(null)
    .describe(
      "Adds 8 hex digits of HMAC-SHA256 under this key to every mark: equal secrets can be told (`--hash-secrets`).",
    ),
  allow: z
    .array(pattern)
    .max(1000)
    .default([])
    .describe("Names never redacted: `theme`, `cookie:theme`, `param:page_*`."),
  deny: z
    .array(pattern)
    .max(1000)
    .default([])
    .describe("Names always redacted. The longer pattern wins over an allowed one; on a tie it is hidden."),
});

/** Every part may be left out. */
export type RedactOptions = Readonly<Partial<z.infer<typeof redactSchema>>>;
