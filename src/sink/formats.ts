/** The formatter that an output's name stands for, from the options of the command line. */

import { IgFormat, type IgMode, type IgOptions } from "./ig/format.ts";
import { CommonLogFormat, REVEAL_NOTICE } from "./log/apache.ts";
import { CsvFormat } from "./log/csv.ts";
import { TemplateFormat } from "./log/template.ts";
import { W3cFormat } from "./log/w3c.ts";
import type { EventFormat } from "./output/destination.ts";
import type { OutputSpec } from "./output/spec.ts";
import { TraceeFormat, type TraceeFormatOptions } from "./tracee/format.ts";

export interface FormatSettings {
  /** Secrets are shown (`--reveal`): formats with a header line say so. */
  readonly reveal: boolean;
  readonly tracee: Omit<TraceeFormatOptions, "format"> & { readonly format: "legacy" | "v1beta1" };
  readonly ig: Omit<IgOptions, "mode">;
}

/** Formats of the seeds have no place for a notice; where lines before the first record do no harm, it is the first. */
function withNotice(format: EventFormat, reveal: boolean): EventFormat {
  if (!reveal) return format;
  return {
    name: format.name,
    header: () => [REVEAL_NOTICE, format.header?.()].filter(Boolean).join("\n"),
    format: (event) => format.format(event),
    finish: () => format.finish?.() ?? [],
  };
}

/** JSON has no comments: there only the run's own header tells. */
const CANNOT_TELL = ["ig-json", "ig-jsonpretty"];

/** Null for formats that are made elsewhere: `json`, `table`, `none`. Throws Trouble on mistakes in a template. */
export function eventFormat(spec: OutputSpec, settings: FormatSettings): EventFormat | null {
  const { reveal } = settings;
  switch (spec.format) {
    case "tracee":
      return new TraceeFormat(settings.tracee);
    case "tracee-table":
      return withNotice(new TraceeFormat({ ...settings.tracee, format: "table" }), reveal);
    case "common":
    case "combined":
      return new CommonLogFormat(spec.format, { reveal });
    case "w3c":
      return new W3cFormat({ reveal });
    case "csv":
      return new CsvFormat({ reveal });
    case "template":
      return new TemplateFormat(spec.template ?? "", { reveal });
    default:
      if (!spec.format.startsWith("ig-")) return null;
      return withNotice(
        new IgFormat({ ...settings.ig, mode: spec.format.slice("ig-".length) as IgMode }),
        reveal && !CANNOT_TELL.includes(spec.format),
      );
  }
}
