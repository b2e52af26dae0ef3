// Copies what tsc does not: files that the built program reads at run time beside its own code.
import { cpSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
for (const folder of ["enrich/process/ebpf/blobs"]) {
  const from = join(root, "src", folder);
  if (existsSync(from)) cpSync(from, join(root, "dist", folder), { recursive: true });
}
