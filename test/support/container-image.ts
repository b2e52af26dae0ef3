/** An image made of nothing but a static busybox, as an archive that docker, podman and containerd all take in. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BUSYBOX = ["/bin/busybox", "/usr/bin/busybox"].find((path) => existsSync(path));
const APPLETS = ["sh", "sleep", "httpd", "wget"];

/** Where a busybox is that needs no libraries; undefined when there is none. */
export function staticBusybox(): string | undefined {
  // a program header of type PT_INTERP (3) names the loader of a program that does need them
  if (BUSYBOX === undefined) return undefined;
  const file = readFileSync(BUSYBOX);
  const [offset, size, count] = [Number(file.readBigUInt64LE(32)), file.readUInt16LE(54), file.readUInt16LE(56)];
  const types = Array.from({ length: count }, (_, index) => file.readUInt32LE(offset + index * size));
  return types.includes(3) ? undefined : BUSYBOX;
}

/** Writes the archive; `names` are the image's names, with their tags. */
export function writeImage(archive: string, names: readonly string[]): void {
  const folder = mkdtempSync(join(tmpdir(), "earshot-image-"));
  try {
    const root = join(folder, "root");
    for (const name of ["bin", "etc", "www", "tmp", "proc", "sys", "dev", "run"])
      mkdirSync(join(root, name), { recursive: true });
    copyFileSync(staticBusybox()!, join(root, "bin/busybox"));
    for (const applet of APPLETS) symlinkSync("busybox", join(root, "bin", applet));
    writeFileSync(join(root, "www/index.html"), "hello\n");
    writeFileSync(join(root, "etc/passwd"), "root:x:0:0::/:/bin/sh\n");
    const layer = join(folder, "layer.tar");
    execFileSync("tar", ["-C", root, "-cf", layer, "."]);
    const digest = createHash("sha256").update(readFileSync(layer)).digest("hex");
    const architecture = process.arch === "x64" ? "amd64" : process.arch;
    const rootfs = { type: "layers", diff_ids: [`sha256:${digest}`] };
    writeFileSync(
      join(folder, "config.json"),
      JSON.stringify({ architecture, os: "linux", config: { Cmd: ["/bin/sleep", "1000"] }, rootfs }),
    );
    const manifest = [{ Config: "config.json", RepoTags: names, Layers: ["layer.tar"] }];
    writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
    execFileSync("tar", ["-C", folder, "-cf", archive, "manifest.json", "config.json", "layer.tar"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
