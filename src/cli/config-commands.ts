/** The commands `config show`, `check`, `init` and `path`: options and help. Their code is loaded when they run. */
import { Command } from "commander";
import { oneLineErrors } from "./one-line-errors.ts";

export function configCommand(): Command {
  const command = new Command("config").description("the configuration file: show, check, init, path");
  const named = (name: string, description: string) =>
    oneLineErrors(new Command(name).description(description)).option("--config <file>", "instead of earshot.toml");
  command.addCommand(
    named("show", "every setting that holds, and where it comes from")
      .option("-o, --output <format>", "toml or json", "toml")
      .action(async (options) => (await import("./config-command.ts")).showConfig(options)),
  );
  command.addCommand(
    named("check", "whether a file is right: settings, filters, rules, outputs, plug-ins")
      .argument("[file]", "instead of the one that would be read")
      .action(async (file, options) => (await import("./config-command.ts")).checkConfig(file, options)),
  );
  command.addCommand(
    oneLineErrors(new Command("init").description("write a file with every setting as a comment"))
      .argument("[file]", "where", "earshot.toml")
      .option("--force", "write over a file that is there")
      .action(async (file, options) => (await import("./config-command.ts")).initConfig(file, options)),
  );
  command.addCommand(
    named("path", "which file is read").action(async (options) =>
      (await import("./config-command.ts")).showConfigPath(options),
    ),
  );
  return command;
}
