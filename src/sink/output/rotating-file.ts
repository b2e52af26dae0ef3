/**
 * A file that is renamed away when it is large or old enough: `access.log` becomes `access.log.20260131T102030Z`, then
 * `….gz`, and only the newest N of those are kept. Names hold the time of the rotation, so that a file once shipped
 * never changes its name. Rotation happens between chunks, never inside a record.
 */
import { closeSync, createReadStream, createWriteStream, constants as fs, openSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { files, streams, zlib } from "../../core/on-demand.ts";
import { EXIT, Trouble } from "../../core/trouble.ts";
import type { ChunkWriter } from "./stream-destination.ts";

export interface RotatingFileOptions {
  readonly path: string;
  /** Rotate before the file would grow over this; null for never. */
  readonly rotate_bytes: number | null;
  /** Rotate when the file was begun so long ago; null for never. Looked at when something is written. */
  readonly rotate_age_s: number | null;
  /** Rotated files to keep; null for all. */
  readonly keep: number | null;
  readonly compress: boolean;
  /** Begins every new file; not repeated when an existing file is continued. */
  readonly header: string;
  /** Seconds since the epoch; tests set it. */
  readonly now?: () => number;
}

/** Readable by the owner and the group: traffic is nobody else's business. */
const MODE = 0o640;
const ROTATED = /^\.\d{8}T\d{6}Z(?:-\d+)?(?:\.gz)?$/;

export class RotatingFile implements ChunkWriter {
  private readonly options: RotatingFileOptions;
  private readonly now: () => number;
  private file: FileHandle | null = null;
  private size = 0;
  private begun = 0;
  private moved = false;
  /** Compression and clean-up of the former file; one at a time, beside the writing. */
  private tidying: Promise<void> = Promise.resolve();

  constructor(options: RotatingFileOptions) {
    this.options = options;
    this.now = options.now ?? (() => Date.now() / 1000);
    checkWritable(options.path);
  }

  /** The file may have been renamed by others: the next chunk goes into a new one of the old name. */
  reopen(): void {
    this.moved = true;
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.moved) {
      this.moved = false;
      await this.file?.close();
      this.file = null;
    }
    if (this.file !== null && this.isDue(chunk.length)) await this.rotate();
    const file = this.file ?? (await this.begin());
    await writeWhole(file, chunk);
    this.size += chunk.length;
  }

  async close(): Promise<void> {
    // a file with a header and no rows says that nothing was seen
    if (this.file === null) await this.begin();
    await this.file?.close();
    this.file = null;
    await this.tidying;
  }

  private isDue(nextBytes: number): boolean {
    const { rotate_bytes, rotate_age_s, header } = this.options;
    const isEmpty = this.size <= Buffer.byteLength(header) + 1;
    if (rotate_bytes !== null && !isEmpty && this.size + nextBytes > rotate_bytes) return true;
    return rotate_age_s !== null && this.now() - this.begun >= rotate_age_s;
  }

  private async begin(): Promise<FileHandle> {
    const file = await files().open(this.options.path, "a", MODE);
    const { size, birthtimeMs, isFile } = await file.stat().then((stat) => ({ ...stat, isFile: stat.isFile() }));
    this.file = file;
    this.size = isFile ? size : 0;
    this.begun = isFile && size > 0 && birthtimeMs > 0 ? Math.min(birthtimeMs / 1000, this.now()) : this.now();
    if (this.size === 0 && this.options.header !== "") {
      const header = Buffer.from(`${this.options.header}\n`);
      await writeWhole(file, header);
      this.size = header.length;
    }
    return file;
  }

  private async rotate(): Promise<void> {
    await this.file?.close();
    this.file = null;
    await this.tidying;
    const target = await this.freeName();
    await files().rename(this.options.path, target);
    // trouble here must not stop the writing; the file is still there, only larger than it need be
    this.tidying = this.tidy(target).catch(() => {});
  }

  private async freeName(): Promise<string> {
    const time = new Date(this.now() * 1000).toISOString().replace(/[-:]|\.\d+/g, "");
    const taken = new Set(await files().readdir(dirname(this.options.path)));
    const base = `${this.options.path}.${time}`;
    const isTaken = (path: string) => taken.has(basename(path)) || taken.has(`${basename(path)}.gz`);
    for (let number = 1; ; number++) {
      const path = number === 1 ? base : `${base}-${number}`;
      if (!isTaken(path)) return path;
    }
  }

  private async tidy(rotated: string): Promise<void> {
    if (this.options.compress) {
      const unfinished = `${rotated}.gz.part`;
      const packed = createWriteStream(unfinished, { mode: MODE });
      await streams().pipeline(createReadStream(rotated), zlib().createGzip(), packed);
      await files().rename(unfinished, `${rotated}.gz`);
      await files().rm(rotated);
    }
    if (this.options.keep === null) return;
    const folder = dirname(this.options.path);
    const own = basename(this.options.path);
    const rotatedNames = (await files().readdir(folder)).filter(
      (name) => name.startsWith(own) && ROTATED.test(name.slice(own.length)),
    );
    rotatedNames.sort(byRotation(own.length));
    const tooOld = rotatedNames.slice(0, Math.max(0, rotatedNames.length - this.options.keep));
    await Promise.all(tooOld.map((name) => files().rm(join(folder, name), { force: true })));
  }
}

/** Oldest first: by time, then by the number behind it. */
function byRotation(prefixLength: number): (a: string, b: string) => number {
  const parts = (name: string) => /^\.(\w+)(?:-(\d+))?/.exec(name.slice(prefixLength)) as RegExpExecArray;
  return (a, b) => {
    const [, timeA, numberA] = parts(a);
    const [, timeB, numberB] = parts(b);
    return timeA < timeB ? -1 : timeA > timeB ? 1 : Number(numberA ?? 1) - Number(numberB ?? 1);
  };
}

async function writeWhole(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
}

/** Tells at the start, not at the first record, that a file cannot be written. */
function checkWritable(path: string): void {
  try {
    closeSync(openSync(path, fs.O_WRONLY | fs.O_APPEND | fs.O_CREAT | fs.O_NONBLOCK, MODE));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const isPermission = code === "EACCES" || code === "EPERM" || code === "EROFS";
    throw new Trouble(`cannot write ${path}: ${reason(code)}`, {
      exitCode: isPermission ? EXIT.permission : EXIT.badFile,
      hint: code === "ENOENT" ? `create the folder first: mkdir -p ${dirname(path)}` : "give another path after `=`",
      cause: error,
    });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "its folder does not exist",
  EISDIR: "it is a folder",
  EACCES: "no permission",
  EPERM: "no permission",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  ENXIO: "nobody reads from that pipe",
};

function reason(code: string | undefined): string {
  return REASONS[code ?? ""] ?? String(code);
}
