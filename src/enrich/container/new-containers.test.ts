import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { NewContainers } from "./new-containers.ts";

const ID = "ab".repeat(32);
const OTHER = "cd".repeat(32);

let root: string;
let watching: NewContainers;
let told: string[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "earshot-new-"));
  told = [];
  for (const path of ["tasks/k8s.io", "storage"]) mkdirSync(join(root, path), { recursive: true });
  watching = new NewContainers([join(root, "tasks"), join(root, "absent")], [join(root, "storage")], (id) =>
    told.push(id),
  );
});
afterEach(() => {
  watching.close();
  rmSync(root, { recursive: true, force: true });
});

const tells = (ids: readonly string[]) => vi.waitFor(() => expect(told).toEqual(ids), { timeout: 10_000, interval: 5 });

test("a container's folder, where containerd or podman makes it", async () => {
  mkdirSync(join(root, "tasks/k8s.io", ID));
  await tells([ID]);
  mkdirSync(join(root, "storage/overlay-layers"));
  mkdirSync(join(root, "storage", OTHER));
  await tells([ID, OTHER]);
});

test("a namespace that is made later, its first container in it already, and again when it was gone", async () => {
  const tellsAlso = (id: string) => vi.waitFor(() => expect(told).toContain(id), { timeout: 10_000, interval: 5 });
  mkdirSync(join(root, "tasks/moby", ID), { recursive: true });
  await tellsAlso(ID);
  rmSync(join(root, "tasks/moby"), { recursive: true });
  mkdirSync(join(root, "tasks/moby", OTHER), { recursive: true });
  await tellsAlso(OTHER);
  const third = "12".repeat(32);
  mkdirSync(join(root, "tasks/moby", third));
  await tellsAlso(third);
});

test("nothing of a container that goes, and nothing after the end", async () => {
  mkdirSync(join(root, "storage", ID));
  await tells([ID]);
  rmSync(join(root, "storage", ID), { recursive: true });
  watching.close();
  mkdirSync(join(root, "storage", OTHER));
  await new Promise((done) => setTimeout(done, 50));
  expect(told).toEqual([ID]);
});
