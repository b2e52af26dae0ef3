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
  /** Show everything. Every output says so in its header line. */
  reveal: z.boolean().default(false),
  /** Adds `hash=` (8 hex digits of HMAC-SHA256 under this key) to every mark, so that equal secrets can be told. */
  hash_key: z.string().min(1).max(1024).nullable().default(null),
  /** Names never redacted: `theme`, `cookie:theme`, `param:page_*`. */
  allow: z.array(pattern).max(1000).default([]),
  /** Names always redacted. The longer pattern wins over an allowed one; on a tie it is hidden. */
  deny: z.array(pattern).max(1000).default([]),
});

/** Every part may be left out. */
export type RedactOptions = Readonly<Partial<z.infer<typeof redactSchema>>>;
