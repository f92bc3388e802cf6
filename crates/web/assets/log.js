// Logs on a build's page: fetched when a step is opened, growing while it runs.

const LINES_KEPT_MAX = 4000;
const COLOURS = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"];

// The same as the server does in `view/ansi.rs`: colours are kept, other control is dropped.
const CONTROL = /\x1b\[([0-9;:]*)m|\x1b\[[^@-~]*[@-~]?|\x1b[\]P_^].*?(?:\x07|\x1b\\|$)|\x1b[()#%].?|\x1b.?|[\x00-\x08\x0a-\x1f\x7f]/g;

const sgr = (style, parameters) => {
  const numbers = parameters.split(/[;:]/).map(Number);
  while (numbers.length > 0) {
    const n = numbers.shift();
    if (n === 0) Object.assign(style, { colour: "", bold: "", faint: "" });
    else if (n === 1) style.bold = "cb";
    else if (n === 2) style.faint = "cf";
    else if (n === 22) style.bold = style.faint = "";
    else if (n >= 30 && n <= 37) style.colour = COLOURS[n - 30];
    else if (n >= 90 && n <= 97) style.colour = COLOURS[n - 90];
    else if (n === 39) style.colour = "";
    else if (n === 38 || n === 48) {
      const palette = numbers.shift() === 5;
      const rest = numbers.splice(0, palette ? 1 : 3);
      if (n === 38) style.colour = palette && rest[0] < 16 ? COLOURS[rest[0] % 8] : "";
    }
  }
};

const paint = (into, line, style) => {
  const text = line.replace(/\r+$/, "");
  const shown = text.slice(text.lastIndexOf("\r") + 1);
  const put = (piece) => {
    if (!piece) return;
    const span = document.createElement("span");
    span.className = [style.colour, style.bold, style.faint].filter(Boolean).join(" ");
    span.textContent = piece;
    into.append(span);
  };
  let at = 0;
  for (const found of shown.matchAll(CONTROL)) {
    put(shown.slice(at, found.index));
    at = found.index + found[0].length;
    if (found[1] !== undefined) sgr(style, found[1]);
  }
  put(shown.slice(at));
};

const since = (at, started) => {
  const ms = Math.max(0, Date.parse(at) - Date.parse(started));
  if (ms < 60000) return `+${Math.floor(ms / 1000)}.${String(Math.floor((ms % 1000) / 10)).padStart(2, "0")} s`;
  const s = Math.floor(ms / 1000);
  const two = (n) => String(n).padStart(2, "0");
  return s < 3600
    ? `+${Math.floor(s / 60)}:${two(s % 60)}`
    : `+${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
};

class Log {
  constructor(element) {
    this.element = element;
    this.list = element.querySelector("ol");
    this.step = element.dataset.step;
    this.count = Number(element.dataset.count);
    this.sources = new Map();
    this.at_end = true;
    element.addEventListener("scroll", () => {
      this.at_end = element.scrollHeight - element.scrollTop - element.clientHeight < 40;
    });
    element.scrollTop = element.scrollHeight;
  }

  get details() { return this.element.closest("details"); }

  open() {
    if ("shown" in this.element.dataset) return this.follow();
    this.element.dataset.shown = "";
    const follows = JSON.parse(this.element.dataset.now || this.element.dataset.follow || "[]");
    if (follows.length > 0) return this.follow();
    return this.fill();
  }

  async fill() {
    const answer = await fetch(this.details.dataset.log).catch(() => null);
    if (!answer?.ok) {
      delete this.element.dataset.shown;
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const log = page.getElementById("log");
    for (const line of log.querySelectorAll("li")) {
      line.id = `s${this.step}-${line.id}`;
      line.firstElementChild.setAttribute("href", `#${line.id}`);
    }
    for (const link of log.querySelectorAll("p a")) {
      link.setAttribute("href", this.details.dataset.log + link.getAttribute("href"));
    }
    this.element.replaceChildren(...log.childNodes);
    this.list = this.element.querySelector("ol");
  }

  follow() {
    const follows = JSON.parse(this.element.dataset.now || this.element.dataset.follow || "[]");
    for (const log of follows) {
      if (this.sources.has(log.id)) continue;
      const last = [...this.list.children].reverse().find(
        (line) => line.classList.contains("err") === (log.name === "stderr"));
      const source = new EventSource(`/api/v1/logs/${log.id}/follow?first=${Math.max(1, log.first)}`);
      const plain = { colour: "", bold: "", faint: "" };
      // The last line shown may have grown: it comes again, whole, under the same number.
      const stream = { log, source, style: { ...plain }, before: plain, number: last ? log.first : 0, item: last };
      source.addEventListener("lines", (m) => this.grow(stream, JSON.parse(m.data)));
      source.addEventListener("closed", () => source.close());
      this.sources.set(log.id, stream);
    }
  }

  grow(stream, lines) {
    for (const line of lines) {
      if (stream.number === line.number) stream.style = { ...stream.before };
      else stream.item = this.add(stream, line);
      stream.number = line.number;
      stream.before = { ...stream.style };
      const text = stream.item.lastElementChild;
      text.replaceChildren();
      paint(text, line.text, stream.style);
    }
    while (this.list.children.length > LINES_KEPT_MAX && this.at_end) {
      this.list.firstElementChild.remove();
    }
    if (this.at_end) this.element.scrollTop = this.element.scrollHeight;
  }

  add(stream, line) {
    this.count += 1;
    const item = document.createElement("li");
    item.id = `s${this.step}-L${this.count}`;
    if (stream.log.name === "stderr") item.className = "err";
    const number = document.createElement("a");
    number.href = `#${item.id}`;
    number.textContent = this.count;
    const time = document.createElement("time");
    time.textContent = since(line.at, this.element.dataset.started);
    const text = document.createElement("span");
    item.append(number, time, text);
    this.list.append(item);
    return item;
  }

  pause() {
    for (const { source } of this.sources.values()) source.close();
  }
}

const logs = new WeakMap();
const attend = () => {
  for (const details of document.querySelectorAll("details.step")) {
    const element = details.querySelector(".log");
    if (!element) continue;
    if (!logs.has(element)) {
      logs.set(element, new Log(element));
      details.addEventListener("toggle", () => details.open && logs.get(element).open());
    }
    if (details.open) logs.get(element).open();
  }
};

// An address with a line in it opens the step it is in.
const toLine = async () => {
  const found = location.hash.match(/^#s(\d+)-L\d+$/);
  const details = found && document.getElementById(`step-${found[1]}`);
  if (!details) return;
  details.open = true;
  await logs.get(details.querySelector(".log"))?.open();
  const line = document.getElementById(location.hash.slice(1));
  line?.classList.add("picked");
  line?.scrollIntoView({ block: "center" });
};

attend();
toLine();
document.addEventListener("steading:newer", attend);
addEventListener("hashchange", () => {
  for (const line of document.querySelectorAll(".picked")) line.classList.remove("picked");
});
addEventListener("pagehide", () => {
  for (const element of document.querySelectorAll(".log")) logs.get(element)?.pause();
});
