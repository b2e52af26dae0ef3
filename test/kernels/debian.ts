/**
 * Debian packages for the guests, through apt with folders of its own: nothing is installed on this machine and its own
 * lists of packages stay as they are. Signatures are checked by apt as always.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Target } from "./list.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const ARCHIVE = "http://deb.debian.org/debian";
const SECURITY = "http://deb.debian.org/debian-security";
const DAY_MS = 86_400_000;

export interface Kernel {
  /** As modules have it, e.g. `6.1.0-56-amd64`. */
  readonly version: string;
  readonly root: string;
}

export class Debian {
  private readonly folder: string;
  private readonly target: Target;
  private readonly environment: NodeJS.ProcessEnv;

  constructor(cache: string, target: Target) {
    this.target = target;
    this.folder = join(cache, "apt", `${target.release}-${target.architecture}`);
    this.environment = { ...process.env, APT_CONFIG: join(this.folder, "apt.conf"), LC_ALL: "C" };
    this.configure();
  }

  /** Downloads packages with all they depend on, and unpacks them into `root`. */
  unpackWithDependencies(names: readonly string[], root: string): void {
    this.apt("apt-get", "install", "--yes", "--no-install-recommends", "--download-only", ...names);
    const archives = join(this.folder, "cache", "archives");
    for (const file of readdirSync(archives)) if (file.endsWith(".deb")) unpack(join(archives, file), root);
    this.apt("apt-get", "clean");
  }

  /** Downloads and unpacks the newest kernel into a folder of `kernels` that is named like it. */
  unpackKernel(kernels: string): Kernel {
    const { kernel } = this.target;
    const depends = this.apt("apt-cache", "show", "--no-all-versions", kernel);
    const image = /^Depends:.*?\b(linux-image-\S+?)[\s,(]/m.exec(`${depends} `)?.[1];
    if (image === undefined) throw new Error(`${kernel} depends on no kernel`);
    const version = image.slice("linux-image-".length);
    const root = join(kernels, version);
    if (existsSync(join(root, "done"))) return { version, root };
    rmSync(root, { recursive: true, force: true });
    mkdirSync(root, { recursive: true });
    this.apt("apt-get", "download", image);
    const file = readdirSync(this.folder).find((name) => name.startsWith(`${image}_`));
    unpack(join(this.folder, file!), root);
    rmSync(join(this.folder, file!));
    dropUnneeded(root);
    writeFileSync(join(root, "done"), "");
    return { version, root };
  }

  private configure(): void {
    const { architecture, suites } = this.target;
    const lists = join(this.folder, "lists");
    mkdirSync(join(lists, "partial"), { recursive: true });
    mkdirSync(join(this.folder, "cache", "archives", "partial"), { recursive: true });
    const source = (suite: string) =>
      `deb [signed-by=${KEYRING}] ${suite.endsWith("-security") ? SECURITY : ARCHIVE} ${suite} main\n`;
    writeFileSync(join(this.folder, "sources.list"), suites.map(source).join(""));
    writeFileSync(join(this.folder, "status"), "");
    const settings = {
      "APT::Architecture": architecture,
      "APT::Architectures": architecture,
      "Dir::Etc::sourcelist": join(this.folder, "sources.list"),
      "Dir::Etc::sourceparts": "/dev/null",
      "Dir::State::status": join(this.folder, "status"), // nothing is installed: all that is needed gets downloaded
      "Dir::State::lists": lists,
      "Dir::Cache": join(this.folder, "cache"),
      "Acquire::Languages": "none",
      "APT::Sandbox::User": "root",
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`);
    writeFileSync(join(this.folder, "apt.conf"), lines.join(""));
    const stamp = join(this.folder, "updated");
    const updated = existsSync(stamp) ? Number(execFileSync("stat", ["-c", "%Y", stamp])) * 1000 : 0;
    if (Date.now() - updated < DAY_MS) return;
    this.apt("apt-get", "update", "--quiet");
    writeFileSync(stamp, "");
  }

  private apt(command: string, ...words: readonly string[]): string {
    return execFileSync(command, words, {
      cwd: this.folder,
      env: this.environment,
      encoding: "utf8",
      timeout: 600_000,
      maxBuffer: 64 << 20,
      stdio: ["ignore", "pipe", "pipe"],
    });
  }
}

/** A package's files, with /bin and the like being links into /usr as on an installed Debian. */
function unpack(file: string, root: string): void {
  execFileSync("sh", [
    "-c",
    'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"',
    "unpack",
    file,
    root,
  ]);
}

/** Of a kernel's half a gigabyte only what modules of networking may need is kept. */
function dropUnneeded(root: string): void {
  for (const modules of ["lib/modules", "usr/lib/modules"].map((path) => join(root, path))) {
    for (const version of existsSync(modules) ? readdirSync(modules) : []) {
      const kernel = join(modules, version, "kernel");
      for (const folder of ["sound", "fs"]) rmSync(join(kernel, folder), { recursive: true, force: true });
      for (const kind of readdirSync(join(kernel, "drivers"))) {
        if (kind !== "net") rmSync(join(kernel, "drivers", kind), { recursive: true });
      }
    }
  }
}
