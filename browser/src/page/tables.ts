/**
 * Tables on a phone: one that is wider than its place becomes a list of cards, each cell with the name of its column
 * before it (`data-label`, shown by the style sheet). Without scripts it scrolls sideways inside its place.
 */

const PHONE = "(max-width: 36rem)";

/** Wires every list below `root`. */
export function tables(root: ParentNode): void {
  for (const table of root.querySelectorAll<HTMLTableElement>("table.list")) {
    label(table);
    fit(table);
  }
}

addEventListener("resize", () => document.querySelectorAll<HTMLTableElement>("table.list").forEach(fit));
addEventListener("beforeprint", () => document.querySelectorAll("table.cards").forEach((table) => table.classList.remove("cards")));
addEventListener("afterprint", () => document.querySelectorAll<HTMLTableElement>("table.list").forEach(fit));

function label(table: HTMLTableElement): void {
  const names = [...(table.tHead?.rows[0]?.cells ?? [])].map((cell) => cell.textContent?.trim() ?? "");
  // as cards the rows are blocks, and browsers would no longer tell that this is a table
  table.setAttribute("role", "table");
  for (const part of [table.tHead, ...table.tBodies, table.tFoot]) part?.setAttribute("role", "rowgroup");
  for (const row of table.rows) {
    row.setAttribute("role", "row");
    for (const cell of row.cells) {
      const head = cell.tagName === "TH";
      cell.setAttribute("role", !head ? "cell" : row.parentElement === table.tHead ? "columnheader" : "rowheader");
      if (!head && cell.colSpan === 1) cell.dataset["label"] = names[place(cell)] ?? "";
    }
  }
}

/** The column in which a cell begins: cells before it may span several. */
function place(cell: HTMLTableCellElement): number {
  let at = 0;
  for (let before = cell.previousElementSibling; before !== null; before = before.previousElementSibling) at += (before as HTMLTableCellElement).colSpan;
  return at;
}

function fit(table: HTMLTableElement): void {
  table.classList.remove("cards");
  if (!matchMedia(PHONE).matches) return;
  const room = (table.closest(".scroll") ?? table.parentElement)?.clientWidth ?? innerWidth;
  table.classList.toggle("cards", table.scrollWidth > room + 1);
}
