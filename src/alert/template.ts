/** `{{ value }}` in labels and annotations of a rule. Names that are not known stay as they are. Pure. */

const PLACE = /\{\{\s*\$?(\w+)\s*\}\}/g;

export function fillTemplates(
  texts: Readonly<Record<string, string>>,
  values: Readonly<Record<string, string | number | null>>,
): Record<string, string> {
  const fill = (text: string) =>
    text.replace(PLACE, (whole, name: string) => (Object.hasOwn(values, name) ? String(values[name] ?? "") : whole));
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, fill(text)]));
}
