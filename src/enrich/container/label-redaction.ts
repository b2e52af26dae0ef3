/** Secrets in a pod's labels, found as in a command line: a label is a variable, `name=value`, without its prefix. Pure. */

export type Labels = Readonly<Record<string, string>>;

/** `redactArguments` takes a program and its arguments. */
export function redactedLabels(labels: Labels, redactArguments: (args: string[]) => string[]): Labels {
  return Object.fromEntries(
    Object.entries(labels).map(([label, value]) => {
      const name = label.slice(label.indexOf("/") + 1);
      // one at a time, or a label would count as an option's value
      const shown = redactArguments(["", `${name}=${value}`])[1] ?? "";
      return [label, shown.startsWith(`${name}=`) ? shown.slice(name.length + 1) : shown];
    }),
  );
}
