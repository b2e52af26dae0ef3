/** The blobs that ship: made of the sources as they are, and telling nothing of the machine that made them. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readBlob } from "./light-skeleton.ts";

const here = (name: string) => join(import.meta.dirname, name);

test.each(["a", "b"])("owner-%s.blob", (tier) => {
  const { source, data, maps } = readBlob(here(`blobs/owner-${tier}.blob`));
  const hash = createHash("sha256");
  for (const file of ["owner.bpf.c", "kernel.h"]) hash.update(readFileSync(here(file)));
  expect(source, "run scripts/build-bpf.sh").toBe(hash.digest("hex"));
  expect(maps).toContain("ring");
  const paths = data.toString("latin1").match(/(?<![\w.])\/[\w./-]+\.[ch]\b/g) ?? [];
  expect(paths.filter((path) => !path.startsWith("/usr/include/"))).toEqual([]);
});
