/**
 * Hides secrets in a command line: values of sensitive options (`--password=x`, `--token x`), of the password options of
 * well-known programs (`mysql -px`, `curl -u user:x`), of variables (`SECRET=x`), of header and URL arguments, and
 * whatever text.ts finds. A command handed to a shell is treated as a command line of its own.
 */
import type { HeadRedactor } from "./head.ts";
import type { Marker } from "./mark.ts";
import type { NameRules } from "./names.ts";
import type { TextRedactor } from "./text.ts";

const SHELLS = new Set("sh bash dash zsh ash ksh fish busybox su".split(" "));

/** Programs whose `-p` is a port, a path or a flag, so that what follows is no password. */
const P_IS_NO_PASSWORD = new Set(
  (
    "mkdir cp install rsync tar ps kill docker podman nerdctl ssh scp sftp nc ncat nmap netcat curl git cargo tsc make " +
    "patch read lsof strace perf gdb iptables adduser useradd tail top htop python python3 http-server wrk cargo psql " +
    "pg_dump createdb redis-server nginx unzip zip tmux screen ip ss test grep rg"
  ).split(" "),
);

/** Options that take `user:password`. */
const USER_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  curl: ["-u", "--user", "-U", "--proxy-user", "-E", "--cert", "--proxy-cert"],
  smbclient: ["-U", "--user"],
  rpcclient: ["-U", "--user"],
  http: ["-a", "--auth"],
  https: ["-a", "--auth"],
};

/** Options whose whole value is the secret, of programs that name them otherwise than a password. */
const SECRET_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  mysql: ["-p"],
  mysqldump: ["-p"],
  mysqladmin: ["-p"],
  mariadb: ["-p"],
  "mariadb-dump": ["-p"],
  "redis-cli": ["-a"],
  ldapsearch: ["-w"],
  ldapmodify: ["-w"],
  ldapadd: ["-w"],
  mosquitto_pub: ["-P"],
  mosquitto_sub: ["-P"],
  sqlcmd: ["-P"],
  bcp: ["-P"],
  cqlsh: ["-p"],
  curl: ["-b", "--cookie", "--oauth2-bearer", "--pass", "--proxy-pass", "--key-pass"],
  openssl: ["-pass", "-passin", "-passout", "-k", "-K"],
  "7z": ["-p"],
  unrar: ["-p"],
  zip: ["-P"],
  unzip: ["-P"],
};

/** Options that take one field line or a body. */
const FIELD_OPTIONS = new Set(["-H", "--header", "--proxy-header"]);
const DATA_OPTIONS = new Set([
  "-d",
  "--data",
  "--data-raw",
  "--data-binary",
  "--data-urlencode",
  "--json",
  "-F",
  "--form",
]);

const PORT_OR_PATH = /^[\d.:/-]+(?:tcp|udp)?$|^[./~]/;

export class ArgumentRedactor {
  private readonly rules: NameRules;
  private readonly marker: Marker;
  private readonly head: HeadRedactor;
  private readonly text: TextRedactor;

  constructor(rules: NameRules, marker: Marker, head: HeadRedactor, text: TextRedactor) {
    this.rules = rules;
    this.marker = marker;
    this.head = head;
    this.text = text;
  }

  /** The same arguments, the first being the program. */
  redact(args: readonly string[]): string[] {
    return this.commandLine(args, true);
  }

  private commandLine(args: readonly string[], intoShell: boolean): string[] {
    const program = (args[0] ?? "").slice((args[0] ?? "").lastIndexOf("/") + 1);
    const result: string[] = [];
    for (let index = 0; index < args.length; index++) {
      const before = args[index - 1] ?? "";
      const isCommand = intoShell && SHELLS.has(program) && /^-[a-z]*c$/.test(before);
      result.push(isCommand ? this.shellCommand(args[index]) : this.argument(program, before, args[index]));
    }
    return result;
  }

  /** Words of a shell command, each with its quotes; quoting itself is not undone. */
  private shellCommand(command: string): string {
    const pieces = command.match(/(?:[^\s"']|"(?:[^"\\]|\\.)*(?:"|$)|'[^']*(?:'|$))+|\s+/g) ?? [];
    const words = pieces.filter((piece) => !/^\s/.test(piece));
    const shown = this.commandLine(words.map(unquote), false);
    let next = 0;
    return pieces
      .map((piece) => {
        if (/^\s/.test(piece)) return piece;
        const word = words[next];
        const redacted = shown[next++];
        return redacted === unquote(word) ? word : redacted;
      })
      .join("");
  }

  private argument(program: string, before: string, argument: string): string {
    if (argument === "") return argument;
    const follows = this.afterOption(program, before, argument);
    if (follows !== null) return follows;
    const attached = this.attachedOption(program, argument);
    if (attached !== null) return attached;
    const equals = argument.indexOf("=");
    if (equals > 0) {
      const name = argument.slice(0, equals);
      const value = argument.slice(equals + 1);
      if (/^-*[\w.:-]+$/.test(name)) return `${name}=${this.named(program, name, value)}`;
    }
    return this.plain(argument);
  }

  /** The value of `--name=value` or `NAME=value`. */
  private named(program: string, name: string, value: string): string {
    if (this.isSecretOption(program, name)) return this.marker.text(value);
    return this.afterOption(program, name, value) ?? this.plain(value);
  }

  private isSecretOption(program: string, option: string): boolean {
    if (SECRET_OPTIONS[program]?.includes(option)) return true;
    const name = option.replace(/^-+/, "");
    // names of one letter are judged by their program
    return name.length > 1 && this.rules.isSecret(name, "key");
  }

  /** The argument behind an option that takes a secret; null when the option takes none. */
  private afterOption(program: string, option: string, argument: string): string | null {
    if (!option.startsWith("-") || option.includes("=")) return null;
    if (FIELD_OPTIONS.has(option)) return this.fieldLine(argument);
    if (DATA_OPTIONS.has(option)) return this.plain(argument);
    if (USER_OPTIONS[program]?.includes(option)) return this.userAndPassword(argument);
    if (argument.startsWith("-") && !SECRET_OPTIONS[program]?.includes(option)) return null;
    if (this.isSecretOption(program, option)) return this.marker.text(argument);
    if (option === "-p" && !P_IS_NO_PASSWORD.has(program) && !PORT_OR_PATH.test(argument)) {
      return this.marker.text(argument);
    }
    return null;
  }

  /** `-psecret`, `-uuser:secret`: the value without a space between. */
  private attachedOption(program: string, argument: string): string | null {
    const short = argument.slice(0, 2);
    if (argument.length < 3 || argument.startsWith("--") || argument[0] !== "-") return null;
    if (SECRET_OPTIONS[program]?.includes(short)) return short + this.marker.text(argument.slice(2));
    if (USER_OPTIONS[program]?.includes(short)) return short + this.userAndPassword(argument.slice(2));
    if (short === "-H" && argument.includes(":")) return short + this.fieldLine(argument.slice(2));
    if (short === "-p" && program === "sshpass") return short + this.marker.text(argument.slice(2));
    return null;
  }

  private userAndPassword(argument: string): string {
    const colon = argument.search(/[:%]/);
    return colon < 0 ? argument : argument.slice(0, colon + 1) + this.marker.text(argument.slice(colon + 1));
  }

  private fieldLine(line: string): string {
    const colon = line.indexOf(":");
    if (colon < 0) return this.plain(line);
    const value = line.slice(colon + 1).trimStart();
    return line.slice(0, line.length - value.length) + this.head.fieldText(line.slice(0, colon).trim(), value);
  }

  /** Anything else: field lines, URLs, and texts. */
  private plain(argument: string): string {
    const field = /^[A-Za-z][A-Za-z0-9-]*: ?\S/.test(argument) ? this.fieldLine(argument) : argument;
    const url = /^[a-z][a-z0-9+.-]*:\/\/|^\/?[^\s=]*\?|^[\w.%-]+=[^\s&]*&/i.test(field) ? this.query(field) : field;
    return this.text.redact(url);
  }

  private query(argument: string): string {
    return argument.includes("?") || argument.includes("://")
      ? this.head.targetText(argument)
      : this.head.targetText(`?${argument}`).slice(1);
  }
}

function unquote(word: string): string {
  const quote = word[0];
  return word.length > 1 && (quote === '"' || quote === "'") && word.endsWith(quote) ? word.slice(1, -1) : word;
}
