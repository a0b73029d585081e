"use strict";
// Sorts and filters the tables, switches between light and dark, and opens details for printing.
// All controls are made here: without the script the page is whole, and has none that do nothing.
(() => {
  const ORDERS = ["ascending", "descending", null];
  const THEMES = ["auto", "light", "dark"];
  const KEY = "circlet-theme";
  const ROWS_WITHOUT_FILTER = 8;
  const MISSING = /^(?:(?:[-\u2013\u2014]|n\/a|nan)\s*(?:\[.*\])?)?$/i;
  // A number, with what may follow it after a space or bracket: an interval, a unit.
  const NUMBER = /^([+\-\u2212]?(?:\d[\d,]*(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?)(?=$|[\s[(%])/i;
  const collator = new Intl.Collator("en-GB", { numeric: true });
  const isTotal = (row) => row.classList.contains("total");

  function make(tag, properties, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  /** Text by which a cell is sorted: `data-sort` where it is given; null where it is missing. */
  function keyOf(cell) {
    const text = (cell.dataset.sort ?? cell.textContent).trim().replace(/\s+/g, " ");
    return MISSING.test(text) ? null : text;
  }

  function numberOf(text) {
    const found = NUMBER.exec(text)?.[1] ?? "none";
    return Number(found.replaceAll(",", "").replace("\u2212", "-"));
  }

  /** Keys of a column: numbers where each cell that is not missing begins with one, else texts. */
  function keysOf(rows, column) {
    const texts = rows.map((row) => keyOf(row.cells[column]));
    const numbers = texts.map((text) => text && numberOf(text));
    return numbers.some(Number.isNaN) ? texts : numbers;
  }

  /** The rows by a column, missing values last; equal ones stay in the order given. */
  function sorted(rows, column, order) {
    if (!order) return rows;
    const keys = keysOf(rows, column);
    const sign = order === "descending" ? -1 : 1;
    const compare = (a, b) => (typeof a === "number" ? a - b : collator.compare(a, b));
    const before = (a, b) =>
      a === null || b === null ? (a === null) - (b === null) : sign * compare(a, b);
    const places = [...rows.keys()].sort((one, other) => before(keys[one], keys[other]));
    return places.map((place) => rows[place]);
  }

  /** Let the heads of a table's columns sort it. Rows of totals keep their places. */
  function makeSortable(table) {
    const head = table.tHead?.rows[table.tHead.rows.length - 1];
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
    const movable = rows.filter((row) => !isTotal(row));
    if (!head || table.tBodies.length !== 1 || movable.length < 2) return;
    if (rows.some((row) => row.cells.length !== head.cells.length)) return; // spans

    [...head.cells].forEach((cell, column) => {
      const button = make("button", { type: "button", className: "sort" }, ...cell.childNodes);
      cell.append(button);
      button.addEventListener("click", () => {
        const order = ORDERS[(ORDERS.indexOf(cell.getAttribute("aria-sort")) + 1) % 3];
        for (const other of head.cells) other.removeAttribute("aria-sort");
        if (order) cell.setAttribute("aria-sort", order);
        const next = sorted(movable, column, order)[Symbol.iterator]();
        table.tBodies[0].append(...rows.map((row) => (isTotal(row) ? row : next.next().value)));
      });
    });
  }

  /** Put a search box above a long table, which leaves the rows that hold all words typed. */
  function makeFilterable(table) {
    const rows = [...table.querySelectorAll("tbody tr")].filter((row) => !isTotal(row));
    if (rows.length <= ROWS_WITHOUT_FILTER) return;
    const textOf = (row) => [...row.cells].map((cell) => cell.textContent).join(" ");
    const texts = rows.map((row) => textOf(row).toLowerCase());
    const input = make("input", { type: "search", autocomplete: "off", spellcheck: false });
    if (table.caption?.id) input.setAttribute("aria-describedby", table.caption.id);
    const told = make("output", {});
    const label = make("label", {}, "Filter rows ", input);
    table.closest(".scroll").before(make("div", { className: "filter" }, label, told));

    const apply = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      rows.forEach((row, place) => {
        row.hidden = !words.every((word) => texts[place].includes(word));
      });
      const shown = rows.filter((row) => !row.hidden).length;
      told.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
    };
    input.addEventListener("input", apply);
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !input.value) return;
      event.preventDefault();
      input.value = "";
      apply();
    });
  }

  // A browser may refuse storage to pages of a disk: then the choice lasts as long as the page.
  function storedTheme() {
    try {
      const stored = localStorage.getItem(KEY);
      return THEMES.includes(stored) ? stored : "auto";
    } catch {
      return "auto";
    }
  }

  function setTheme(theme) {
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem(KEY, theme);
    } catch {} // nothing is lost but the memory of it
  }

  function addThemeButton(theme) {
    const name = make("span", {}, theme);
    const button = make("button", { type: "button", className: "theme" }, "Colours: ", name);
    button.addEventListener("click", () => {
      name.textContent = THEMES[(THEMES.indexOf(name.textContent) + 1) % THEMES.length];
      setTheme(name.textContent);
    });
    document.querySelector("body > header").prepend(button);
  }

  function openDetailsForPrinting() {
    let opened = [];
    addEventListener("beforeprint", () => {
      opened = [...document.querySelectorAll("details:not([open])")];
      for (const details of opened) details.open = true;
    });
    addEventListener("afterprint", () => {
      for (const details of opened.splice(0)) details.open = false;
    });
  }

  const theme = storedTheme();
  setTheme(theme); // before the page is drawn
  document.addEventListener("DOMContentLoaded", () => {
    addThemeButton(theme);
    openDetailsForPrinting();
    for (const table of document.querySelectorAll(".scroll table")) {
      makeFilterable(table);
      makeSortable(table);
    }
  });
})();
