/**
 * A terminal's screen (text with SGR sequences, as `tmux capture-pane -e -p` gives it) as an SVG picture. Takes lines,
 * gives the picture's text. Every word says where it is and how long, so that columns stay aligned in any font.
 */

const CELL = { width: 8.4, height: 18, size: 14, padding: 12 };
const BACKGROUND = "#10151c";
const FOREGROUND = "#d4dae2";

/** The 16 colours, mid-tone on the dark background. */
const SIXTEEN = [
  ...["#3b4250", "#e05252", "#3fae6a", "#d69a2a", "#4a8fe0", "#b56cc0", "#2aa3b8", "#c3c9d2"],
  ...["#808894", "#f07272", "#5fce8a", "#e6ba5a", "#6aaff0", "#d58ce0", "#5ac3d8", "#ffffff"],
];

/** xterm's 256 colours: the 16, a 6x6x6 cube, 24 greys. */
function colour256(number) {
  if (number < 16) return SIXTEEN[number];
  if (number >= 232) {
    const grey = 8 + (number - 232) * 10;
    return `rgb(${grey},${grey},${grey})`;
  }
  const level = (step) => (step === 0 ? 0 : 55 + step * 40);
  const cube = number - 16;
  return `rgb(${level(Math.floor(cube / 36))},${level(Math.floor(cube / 6) % 6)},${level(cube % 6)})`;
}

const PLAIN = { colour: null, background: null, bold: false, dim: false, underline: false, reverse: false };

/** The look after an SGR sequence's parameters. */
function changed(look, parameters) {
  const codes = parameters === "" ? [0] : parameters.split(/[;:]/).map(Number);
  let next = { ...look };
  for (let index = 0; index < codes.length; index++) {
    const code = codes[index];
    if (code === 0) next = { ...PLAIN };
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 4) next.underline = true;
    else if (code === 7) next.reverse = true;
    else if (code === 22) next.bold = next.dim = false;
    else if (code === 24) next.underline = false;
    else if (code === 27) next.reverse = false;
    else if (code === 39) next.colour = null;
    else if (code === 49) next.background = null;
    else if (code >= 30 && code <= 37) next.colour = SIXTEEN[code - 30];
    else if (code >= 90 && code <= 97) next.colour = SIXTEEN[code - 82];
    else if (code >= 40 && code <= 47) next.background = SIXTEEN[code - 40];
    else if (code === 38 || code === 48) {
      const field = code === 38 ? "colour" : "background";
      if (codes[index + 1] === 5) {
        next[field] = colour256(codes[index + 2]);
        index += 2;
      } else if (codes[index + 1] === 2) {
        next[field] = `rgb(${codes.slice(index + 2, index + 5).join(",")})`;
        index += 4;
      }
    }
  }
  return next;
}

/** A line's runs of one look: [text, look]. */
function* runsOf(line, state) {
  for (const [, text, parameters] of line.matchAll(/([^\x1b]*)(?:\x1b\[([\d;:]*)m|\x1b.|$)/g)) {
    if (text !== "") yield [text, state.look];
    if (parameters !== undefined) state.look = changed(state.look, parameters);
  }
}

const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f300}-\u{1faff}]/u;

/** Columns that a text takes. */
function columnsOf(text) {
  let columns = 0;
  for (const character of text) columns += /\p{M}/u.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return columns;
}

function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

function drawn(text, look, x, y) {
  const columns = columnsOf(text);
  const left = (CELL.padding + x * CELL.width).toFixed(1);
  const top = CELL.padding + y * CELL.height;
  const width = (columns * CELL.width).toFixed(1);
  const ink = look.reverse ? (look.background ?? BACKGROUND) : (look.colour ?? FOREGROUND);
  const paper = look.reverse ? (look.colour ?? FOREGROUND) : look.background;
  const parts = [];
  if (paper !== null) {
    parts.push(`<rect x="${left}" y="${top}" width="${width}" height="${CELL.height}" fill="${paper}"/>`);
  }
  const attributes = [
    `fill="${ink}"`,
    look.bold ? ' font-weight="bold"' : "",
    look.dim ? ' opacity="0.6"' : "",
    look.underline ? ' text-decoration="underline"' : "",
  ].join("");
  // word by word: what shows an SVG may take several spaces for one
  for (const { 0: word, index } of text.matchAll(/[^ ]+/g)) {
    const at = CELL.padding + (x + columnsOf(text.slice(0, index))) * CELL.width;
    const length = columnsOf(word) * CELL.width;
    parts.push(
      `<text x="${at.toFixed(1)}" y="${(top + CELL.height * 0.74).toFixed(1)}" textLength="${length.toFixed(1)}"` +
        ` lengthAdjust="spacingAndGlyphs" ${attributes}>${escaped(word)}</text>`,
    );
  }
  return parts.join("");
}

/** `title` is what the picture is called where it cannot be seen. */
export function ansiToSvg(lines, columns, title) {
  const state = { look: PLAIN };
  const body = lines.map((line, y) => {
    let x = 0;
    let row = "";
    for (const [text, look] of runsOf(line, state)) {
      row += drawn(text, look, x, y);
      x += columnsOf(text);
    }
    return row;
  });
  const width = Math.ceil(columns * CELL.width + 2 * CELL.padding);
  const height = lines.length * CELL.height + 2 * CELL.padding;
  const font = "ui-monospace,'DejaVu Sans Mono','Cascadia Mono',Menlo,Consolas,monospace";
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="100%" height="100%" rx="8" fill="${BACKGROUND}"/>`,
    `<g font-family="${font}" font-size="${CELL.size}">`,
    ...body.filter((row) => row !== ""),
    "</g></svg>",
    "",
  ].join("\n");
}

/** The lines without their looks. */
export function plainText(lines) {
  return `${lines.map((line) => line.replaceAll(/\x1b\[[\d;:]*m/g, "").trimEnd()).join("\n")}\n`;
}
