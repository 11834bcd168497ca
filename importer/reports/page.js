"use strict";
// Shows the problems in the page's blocks of JSON. Text of a manifest is added as text, never as markup.
(async () => {
  const ITEM_PX = 60; // as .item in the style
  const SPARE_ITEMS = 8;
  const PRINTED = 500;
  const CARDS = 30; // kinds that are shown at first
  const VALUES = 12; // values of a kind that are shown at first
  const UNSEEN = /^ +| +$|(?![ \n])[\p{C}\p{Z}]/gu;
  const UNSEEN_NAMES = { "\u0000": "NUL", "\t": "TAB", "\r": "CR", "\u00a0": "NBSP", "\u00ad": "SHY", "\u200b": "ZWSP", "\u200e": "LRM", "\u200f": "RLM", "\ufeff": "BOM" };

  const by = (id) => document.getElementById(id);
  const counted = (number, one, many) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
  const quantity = (number) => number.toLocaleString("en");

  /** Make an element with properties and children, which are nodes or text. */
  function make(name, properties, ...children) {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  }

  /** Replace each invisible character of a text by a sign: it is often what is wrong. */
  function legible(text) {
    const parts = [];
    let end = 0;
    for (const match of text.matchAll(UNSEEN)) {
      const number = match[0].codePointAt(0);
      const name = number === 32 ? "␠".repeat(match[0].length) : UNSEEN_NAMES[match[0]] || `U+${number.toString(16).toUpperCase().padStart(4, "0")}`;
      parts.push(text.slice(end, match.index), make("span", { className: "unseen", title: "An invisible character" }, name));
      end = match.index + match[0].length;
    }
    return [...parts, text.slice(end)];
  }

  /** Return a text with signs for its invisible characters, for places that take no elements. */
  function legibleText(text) {
    return make("span", {}, ...legible(text)).textContent;
  }

  /** Turn a sentence with code between backticks into nodes. */
  function worded(sentence) {
    return sentence.split("`").map((part, index) => (index % 2 ? make("code", { className: "code" }, part) : part));
  }

  // -- the data ------------------------------------------------------------------------------------------------------

  /** Unpack a block: base64 of gzip of JSON. */
  async function read(node) {
    const letters = atob(node.textContent);
    node.remove();
    const bytes = new Uint8Array(letters.length);
    for (let place = 0; place < letters.length; place++) bytes[place] = letters.charCodeAt(place); // 20 times as fast as Uint8Array.from
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  }

  const about = await read(document.querySelector("script.about"));
  const kinds = new Map(about.kinds.map((kind) => [kind.id, kind]));
  const problems = [];
  const blocks = [...document.querySelectorAll("script.cells")].map((node) => ({ node, cells: null, reading: null }));
  const found = await Promise.all([...document.querySelectorAll("script.rows")].map(read));
  for (const [place, rows] of found.entries()) {
    for (const [index, [number, ...ofRow]] of rows.entries()) {
      const row = { number, index, block: blocks[place], problems: [], text: "" };
      for (const [kind, message, value, hint] of ofRow) {
        const problem = { row, kind: kinds.get(kind), message, value, hint };
        row.problems.push(problem);
        problems.push(problem);
      }
    }
  }

  /** Read the cells of a block of rows. They are most of the data, so the page opens without them. */
  function load(block) {
    block.reading ||= read(block.node).then((cells) => { block.cells = cells; });
    return block.reading;
  }

  /** Return the searchable text of a row whose cells are loaded. */
  function textOf(row) {
    row.text ||= [`row ${row.number}`, ...row.block.cells[row.index], ...row.problems.flatMap((each) => [each.kind.code, each.message])].join("\n").toLowerCase();
    return row.text;
  }

  /** Prepare the first search in idle time. */
  async function readAhead() {
    for (const block of blocks) await load(block);
    let next = 0;
    const work = (deadline) => {
      while (next < problems.length && deadline.timeRemaining() > 2) textOf(problems[next++].row);
      if (next < problems.length) requestIdleCallback(work);
    };
    if (window.requestIdleCallback) requestIdleCallback(work);
  }

  // -- filters -----------------------------------------------------------------------------------------

  const wanted = { kind: null, value: null, column: null, text: "" };
  let shown = problems;
  let chosen = 0; // position in `shown`

  async function filter() {
    const text = wanted.text.toLowerCase();
    if (text && blocks.some((block) => !block.cells)) {
      await Promise.all(blocks.map(load));
      if (text !== wanted.text.toLowerCase()) return; // the user typed on: a later search is running
    }
    const former = shown[chosen];
    shown = problems.filter((each) =>
      (wanted.kind === null || each.kind === wanted.kind) &&
      (wanted.column === null || (each.kind.column ?? "") === wanted.column) &&
      (wanted.value === null || each.value === wanted.value) &&
      (!text || textOf(each.row).includes(text)));
    chosen = Math.max(0, former ? shown.indexOf(former) : 0);
    show();
    list.scrollTop = Math.max(0, chosen * ITEM_PX - list.clientHeight / 2);
    draw(true);
    tell();
  }

  function show() {
    const all = shown.length === problems.length;
    const value = wanted.value === null ? "" : `, those with the value ${legibleText(wanted.value)}`;
    by("status").textContent = all ? counted(shown.length, "problem", "problems") : `${quantity(shown.length)} of ${counted(problems.length, "problem", "problems")}${value}`;
    by("kind").value = wanted.kind === null ? "all" : wanted.kind.id;
    for (const button of by("kinds").querySelectorAll("button[aria-pressed]")) {
      button.setAttribute("aria-pressed", String(button.kind === wanted.kind && button.text === wanted.value));
    }
    by("room").style.height = `${shown.length * ITEM_PX}px`;
  }

  // -- the list: only visible items are in the page ----------------------------------------------------------------

  const list = by("list");
  const drawn = new Map(); // position -> element

  function draw(fromScratch) {
    const first = Math.max(0, Math.floor(list.scrollTop / ITEM_PX) - SPARE_ITEMS);
    const end = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / ITEM_PX) + SPARE_ITEMS);
    for (const [position, element] of drawn) {
      if (fromScratch || position < first || position >= end) {
        element.remove();
        drawn.delete(position);
      }
    }
    for (let position = first; position < end; position++) {
      if (!drawn.has(position)) {
        drawn.set(position, item(position));
        by("room").append(drawn.get(position));
      }
    }
    if (drawn.has(chosen)) {
      list.setAttribute("aria-activedescendant", `item-${chosen}`);
    } else {
      list.removeAttribute("aria-activedescendant");
    }
  }

  function item(position) {
    const { row, kind, message } = shown[position];
    const where = make("span", { className: "where" }, `Row ${row.number}`, kind.column === null ? "" : ` · ${kind.column}`);
    const element = make("div", { className: "item", id: `item-${position}`, role: "option" },
      make("div", {}, where, make("span", { className: "code", title: kind.name }, kind.code)), make("p", { dir: "auto" }, message));
    element.position = position;
    element.setAttribute("aria-selected", String(position === chosen));
    element.setAttribute("aria-setsize", String(shown.length));
    element.setAttribute("aria-posinset", String(position + 1));
    element.style.top = `${position * ITEM_PX}px`;
    return element;
  }

  function choose(position, open) {
    if (!shown.length) return;
    chosen = Math.min(Math.max(position, 0), shown.length - 1);
    const top = chosen * ITEM_PX;
    list.scrollTop = Math.min(Math.max(list.scrollTop, top + ITEM_PX - list.clientHeight), top);
    draw(true);
    tell();
    if (open) openRow();
  }

  // -- one row -------------------------------------------------------------------------------------------------------

  async function tell() {
    if (!shown.length) {
      by("row-title").textContent = "No row";
      by("row-body").replaceChildren(make("p", { className: "quiet" }, "No problem matches the filters."));
      return;
    }
    const { row, kind } = shown[chosen];
    if (!row.block.cells) await load(row.block);
    if (shown[chosen]?.row !== row) return;
    by("row-title").textContent = `Row ${row.number}`;
    const sections = row.problems.map((problem) => make("div", { className: "problem" },
      make("div", {}, ...named(problem.kind)), make("p", { dir: "auto" }, problem.message),
      make("p", {}, ...worded(problem.hint || problem.kind.advice))));
    by("row-body").replaceChildren(...sections, row.block.cells[row.index].length ? tableOf(row) : make("p", { className: "quiet" }, "The report does not contain the cells of this row, as it would be too large."));
    const [meant, body] = [by("row-body").querySelector(`tr[data-place="${kind.places[0]}"]`), by("row")];
    body.scrollTop = 0;
    if (meant) body.scrollTop = Math.max(0, meant.getBoundingClientRect().bottom - body.getBoundingClientRect().bottom + ITEM_PX);
  }

  function tableOf(row) {
    const cells = row.block.cells[row.index];
    const table = make("table", {}, make("caption", {}, "Cells of this row; problems are highlighted."));
    const last = Math.max(about.columns.length, cells.length);
    for (let place = 0; place < last; place++) {
      const name = about.columns[place] ?? `cell ${place + 1}, without a column`;
      const cell = cells[place];
      const codes = row.problems.filter((each) => each.kind.places.includes(place)).map((each) => each.kind.code);
      if (place >= about.columns.length && cell) codes.push("too-many-cells");
      const content = cell === undefined ? ["missing"] : cell === "" ? ["empty"] : legible(cell);
      const line = make("tr", { className: codes.length ? "wrong" : "" }, make("th", { scope: "row" }, name),
        make("td", { dir: "auto", className: cell ? "" : "quiet" }, ...(codes.length ? [make("mark", { title: codes.join(", ") }, ...content)] : content)));
      line.dataset.place = place;
      table.append(line);
    }
    return table;
  }

  function openRow() {
    by("row").classList.add("open");
    (getComputedStyle(by("close")).display === "none" ? by("row") : by("close")).focus();
  }

  function closeRow() {
    by("row").classList.remove("open");
    list.focus();
  }

  // -- kinds as cards ------------------------------------------------------------------------------------------------

  /** Return the plain name and the code of a kind. */
  function named(kind) {
    return [make("span", { className: "name" }, kind.name), " ", make("span", { className: "code quiet" }, kind.code)];
  }

  function card(kind) {
    const title = make("h3", { id: `kind-${kind.id}`, dir: "auto" }, kind.title);
    const parts = [title, make("p", {}, ...named(kind), make("span", { className: "quiet" }, ` · ${counted(kind.count, "problem", "problems")}`)),
      make("p", {}, ...worded(`${kind.meaning} ${kind.advice}`)),
      make("details", {}, make("summary", {}, "Why"), make("p", { className: "quiet" }, ...worded(kind.why)))];
    const values = kind.values.filter(([value]) => value);
    if (values.length) parts.push(valueList(kind, values));
    if (kind.fix) parts.push(fixOf(kind.fix));
    const show = make("button", { type: "button", className: "button show" }, kind.count === 1 ? "Show its row" : `Show its ${counted(kind.rows, "row", "rows")}`);
    show.addEventListener("click", () => wantKind(kind, null));
    parts.push(show);
    if (kind.shown < kind.count) parts.push(make("p", { className: "note" }, `The list has ${quantity(kind.shown)} of its ${counted(kind.count, "problem", "problems")}.`));
    const element = make("article", { className: "card" }, ...parts);
    element.setAttribute("aria-labelledby", title.id);
    return element;
  }

  function valueList(kind, values) {
    const number = kind.exact ? counted(kind.different, "value", "different values") : `more than ${quantity(kind.different)} different values`;
    const most = kind.different > values.length ? `${number}; the most frequent:` : number;
    const list = make("div", { className: "values" }, ...values.slice(0, VALUES).map((each) => valueButton(kind, ...each)));
    const rest = values.slice(VALUES);
    if (rest.length) {
      const more = make("button", { type: "button", className: "more" }, `and ${quantity(rest.length)} more`);
      more.addEventListener("click", () => {
        more.replaceWith(...rest.map((each) => valueButton(kind, ...each)));
        list.children[VALUES].focus();
      });
      list.append(more);
    }
    return make("div", {}, make("p", { className: "quiet" }, most), list);
  }

  function valueButton(kind, value, count) {
    const button = make("button", { type: "button" }, make("bdi", {}, ...legible(value)), make("span", { className: "number" }, quantity(count) + (kind.exact ? "" : " or more")));
    Object.assign(button, { kind, text: value });
    button.setAttribute("aria-pressed", String(wanted.kind === kind && wanted.value === value));
    button.addEventListener("click", () => {
      const isPressed = wanted.kind === kind && wanted.value === value;
      wantKind(isPressed ? null : kind, isPressed ? null : value);
    });
    return button;
  }

  /** Show YAML. A line that is too long goes on further in than it began, so that it doesn't look like two. */
  function yamlLines(text) {
    const lines = make("pre", { tabIndex: 0 }, ...text.trimEnd().split("\n").map((line) => {
      const element = make("div", {}, line);
      element.style.paddingLeft = `${line.search(/\S/) + 4}ch`;
      element.style.textIndent = `-${element.style.paddingLeft}`;
      return element;
    }));
    lines.setAttribute("aria-label", "Lines for the mapping");
    return lines;
  }

  /** Copy a text. Where a page may not do it, select the element that has it. */
  async function copyText(text, element, button) {
    let isCopied = true;
    getSelection().selectAllChildren(element);
    try { await navigator.clipboard.writeText(text); } catch { isCopied = document.execCommand("copy"); }
    button.textContent = isCopied ? "Copied" : "Selected: press Ctrl+C";
  }

  /** Offer all changes of the mapping at once, if there are several. */
  function fillAllFixes() {
    const button = by("all-fixes").querySelector("button");
    by("all-fixes").hidden = new Set(about.kinds.map((kind) => kind.fix?.yaml).filter(Boolean)).size < 2;
    button.addEventListener("click", () => {
      const lines = by("all-fixes").querySelector("pre") ?? by("all-fixes").appendChild(yamlLines(about.fixes));
      copyText(about.fixes, lines, button);
    });
  }

  /** Show lines for the mapping, with a button that copies them. */
  function fixOf(fix) {
    const lines = yamlLines(fix.yaml);
    const copy = make("button", { type: "button", className: "button small" }, "Copy");
    copy.addEventListener("click", () => copyText(fix.yaml, lines, copy));
    return make("figure", { className: "fix" }, make("figcaption", {}, make("span", { dir: "auto" }, fix.instruction), copy), lines);
  }

  function showCards(most) {
    by("kinds").append(...about.kinds.slice(by("kinds").children.length, most).map(card));
    by("more-kinds").hidden = most >= about.kinds.length;
    by("more-kinds").textContent = `Show all ${quantity(about.kinds.length)} kinds`;
  }

  // -- filters of the list -------------------------------------------------------------------------------------------

  async function wantKind(kind, value) {
    Object.assign(wanted, { kind, value, column: null, text: "" });
    by("filters").reset();
    await filter();
    by("found").scrollIntoView({ block: "start" });
    list.focus({ preventScroll: true });
  }

  function fillKinds() {
    by("kind").append(make("option", { value: "all" }, "all"), ...about.kinds.map((kind) => make("option", { value: kind.id }, `${kind.title} (${kind.code})`)));
  }

  function fillColumns() {
    const counts = new Map();
    for (const kind of about.kinds) counts.set(kind.column ?? "", (counts.get(kind.column ?? "") || 0) + kind.count);
    by("column").append(make("option", { value: "all" }, "all"));
    for (const [column, count] of counts) {
      const option = make("option", { value: `=${column}` }, `${column || "the whole row"} (${quantity(count)})`);
      by("column").append(option);
    }
  }

  function fillHead() {
    const name = about.manifest.split(/[\\/]/).pop();
    document.title = `Problems in ${name}`;
    by("title").textContent = document.title;
    const unchecked = [[about.skippedRows, "already imported"], [about.notSelectedRows, "not selected"]]
      .filter(([count]) => count)
      .map(([count, why]) => `; ${counted(count, "row", "rows")} ${why} and not checked`)
      .join("");
    by("counts").textContent = about.count
      ? `${counted(about.count, "problem", "problems")} in ${quantity(about.wrongRows)} of ${counted(about.rows, "row", "rows")}${unchecked}.`
      : `No problem in ${counted(about.rows, "row", "rows")}${unchecked}.`;
    const read = about.sheet && !about.detected.includes(about.sheet) ? `${about.detected}, sheet ${about.sheet}` : about.detected;
    const facts = { Manifest: about.manifest, Format: read, Mapping: about.mapping, Checked: about.madeAt.replace("T", " "), By: `ticket-importer ${about.version}` };
    if (about.blankRows) facts["Blank rows"] = quantity(about.blankRows);
    if (about.excludedRows) facts["Excluded rows"] = quantity(about.excludedRows);
    const ignored = about.ignoredByPatterns.map(([pattern, count]) => `${pattern} (${counted(count, "column", "columns")})`);
    if (ignored.length) facts["Ignored by patterns"] = ignored.join(", ");
    by("facts").append(...Object.entries(facts).map(([term, fact]) => make("div", {}, make("dt", {}, term), make("dd", {}, fact))));
    by("warnings").append(...about.warnings.map((warning) => make("li", {}, warning)));
    by("warnings").hidden = !about.warnings.length;
    if (about.shown < about.count) {
      by("bounded").textContent = `This page lists ${quantity(about.shown)} of ${quantity(about.count)} problems, with some of each kind. For all of them, write the report as .csv (validate --report problems.csv).`;
      by("bounded").hidden = false;
    }
    by("main").hidden = !about.count;
  }

  // -- printing ------------------------------------------------------------------------------------------------------

  function print() {
    const printed = shown.slice(0, PRINTED);
    const line = (tag, texts) => make("tr", {}, ...texts.map(([text, className]) => make(tag, { className: className || "", dir: "auto" }, text)));
    const list = make("table", {}, make("thead", {}, line("th", [["Row", "narrow"], ["Column", "middle"], ["Code", "middle"], ["Problem"]])),
      make("tbody", {}, ...printed.map(({ row, kind, message }) => line("td", [[String(row.number)], [kind.column ?? ""], [kind.code], [message]]))));
    const rest = shown.length > printed.length ? [make("p", {}, `The first ${quantity(printed.length)} of ${quantity(shown.length)} listed problems; a .csv report has all.`)] : [];
    showCards(Infinity);
    for (const more of document.querySelectorAll(".values .more")) more.click();
    by("paper").replaceChildren(make("h2", {}, "Problems by row"), list, ...rest);
  }

  // -- start and events -------------------------------------------------------------------------------------------------------

  function keyDown(event) {
    const page = Math.max(1, Math.floor(list.clientHeight / ITEM_PX) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in steps) {
      choose(chosen + steps[event.key], false);
      event.preventDefault();
    } else if (event.key === "Enter" || event.key === " ") {
      choose(chosen, true);
      event.preventDefault();
    }
  }

  fillHead();
  fillColumns();
  fillKinds();
  fillAllFixes();
  showCards(CARDS);
  by("more-kinds").addEventListener("click", () => { showCards(Infinity); by("kinds").children[CARDS].querySelector("button").focus(); });
  by("kind").addEventListener("change", (event) => { Object.assign(wanted, { kind: kinds.get(Number(event.target.value)) ?? null, value: null }); filter(); });
  by("column").addEventListener("change", (event) => { wanted.column = event.target.value === "all" ? null : event.target.value.slice(1); filter(); });
  by("search").addEventListener("input", (event) => { wanted.text = event.target.value; filter(); });
  by("filters").addEventListener("submit", (event) => event.preventDefault());
  by("show-all").addEventListener("click", () => { Object.assign(wanted, { kind: null, value: null, column: null, text: "" }); filter(); });
  by("close").addEventListener("click", closeRow);
  list.addEventListener("keydown", keyDown);
  list.addEventListener("click", (event) => { const found = event.target.closest(".item"); if (found) choose(found.position, true); });
  list.addEventListener("scroll", () => draw(false), { passive: true });
  addEventListener("resize", () => draw(false));
  addEventListener("beforeprint", print);
  addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.target.closest("input, select")) { by("search").focus(); event.preventDefault(); }
    if (event.key === "Escape" && (by("row").classList.contains("open") || by("row").contains(document.activeElement))) closeRow();
  });
  wanted.text = by("search").value; // typed while the page was loading, or kept by a reload
  await filter();
  readAhead();
})().catch((error) => {
  document.getElementById("counts").textContent = `This page can't be shown here (${error.message}). Open it in a newer browser, or write the report as .csv.`;
  throw error;
});
