// Makes a page newer when the farm says that something it shows has changed: the page is asked for
// again and its parts are exchanged. A part somebody reads (pointer, focus or selection in it) waits
// until they look elsewhere, or ask for it.

const body = document.body;
const news = document.getElementById("news");
const state = document.getElementById("line-state");
const AT_LEAST_MS = 700;

let asOf = Number(body.dataset.asOf);
let source = null;
let timer = null;
let cost = 0;
let last = 0;
let held = new Map();

// A part without what only time changes in it.
const essence = (part) => {
  const copy = part.cloneNode(true);
  for (const e of copy.querySelectorAll("[data-ago], [data-since], [data-left]")) {
    e.textContent = "";
    e.removeAttribute("class");
  }
  for (const e of copy.querySelectorAll("[data-progress]")) {
    e.replaceWith(`${e.dataset.progress} ${e.dataset.usual}`);
  }
  return copy.innerHTML;
};

const isRead = (part) => {
  if ("calm" in part.dataset) return false;
  const filled = [...part.querySelectorAll("input")].some((i) => i.value !== i.defaultValue);
  if (filled) return true;
  if (part.matches(":hover") && matchMedia("(hover: hover)").matches) return true;
  if (part.contains(document.activeElement) && document.activeElement !== body) return true;
  const selection = getSelection();
  return !!selection && !selection.isCollapsed && part.contains(selection.anchorNode);
};

const exchange = (old, fresh) => {
  const focus = old.contains(document.activeElement) ? document.activeElement : null;
  const label = focus?.textContent;
  const is = document.importNode(fresh, true);
  old.replaceWith(is);
  // Who stood on a link or button stands on it still.
  if (focus) [...is.querySelectorAll(focus.tagName)].find((e) => e.textContent === label)?.focus();
};

const apply = (name) => {
  const fresh = held.get(name);
  const old = document.querySelector(`[data-part="${name}"]`);
  held.delete(name);
  if (fresh && old) exchange(old, fresh);
  news.hidden = held.size === 0;
  document.dispatchEvent(new Event("steading:newer"));
};

const part = (old, fresh) => {
  const name = old.dataset.part;
  if (essence(old) === essence(fresh)) {
    held.delete(name);
    return;
  }
  if (!isRead(old)) {
    held.delete(name);
    exchange(old, fresh);
    return;
  }
  held.set(name, fresh);
  old.addEventListener("pointerleave", () => setTimeout(() => {
    if (held.has(name) && !isRead(old)) apply(name);
  }, 600), { once: true });
};

// Steps keep their logs: only what stands around a log is exchanged.
const step = (old, fresh) => {
  if (old.tagName !== fresh.tagName) {
    old.replaceWith(document.importNode(fresh, true));
    return;
  }
  if (old.dataset.state === fresh.dataset.state) return;
  old.dataset.state = fresh.dataset.state;
  old.className = fresh.className;
  for (const which of ["summary", "[data-why]"]) {
    const [o, f] = [old.querySelector(which), fresh.querySelector(which)];
    if (o && f) o.replaceWith(document.importNode(f, true));
  }
  if (fresh.open) old.open = true;
};

const steps = (old, fresh) => {
  for (const f of fresh.children) {
    const o = document.getElementById(f.id);
    if (!o) old.append(document.importNode(f, true));
    else step(o, f);
    const [log, freshLog] = [o?.querySelector(".log"), f.querySelector(".log")];
    if (log && freshLog) log.dataset.now = freshLog.dataset.follow;
  }
};

const refresh = async () => {
  timer = null;
  const began = performance.now();
  let page;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    return;
  } finally {
    last = performance.now();
    cost = last - began;
  }
  asOf = Math.max(asOf, Number(page.body.dataset.asOf) || 0);
  if (page.title !== document.title) {
    document.title = page.title;
    document.getElementById("spoken").textContent = page.title;
  }
  for (const old of document.querySelectorAll("[data-part]")) {
    const fresh = page.querySelector(`[data-part="${old.dataset.part}"]`);
    if (fresh) part(old, fresh);
  }
  const [old, fresh] = [document.querySelector("[data-steps]"), page.querySelector("[data-steps]")];
  if (old && fresh) steps(old, fresh);
  for (const id of ["health", "nav-waiting"]) {
    const [o, f] = [document.getElementById(id), page.getElementById(id)];
    if (o && f) o.replaceWith(document.importNode(f, true));
  }
  news.hidden = held.size === 0;
  document.dispatchEvent(new Event("steading:newer"));
};

const concerns = (event) => {
  const scope = body.dataset.scope;
  if (!scope) return true;
  const own = `${event.noun}:${event.id}`;
  if (own === scope || document.querySelector(`[data-event="${own}"]`)) return true;
  const [noun, id] = scope.split(":");
  return event.delta?.[`${noun}_id`] === Number(id);
};

const heard = (message) => {
  const event = JSON.parse(message.data);
  asOf = Math.max(asOf, event.seq);
  state.textContent = `live, as of event ${asOf}`;
  if (timer || !concerns(event)) return;
  // A page that is dear to make is made less often.
  const pause = Math.max(AT_LEAST_MS, cost * 5) - (performance.now() - last);
  timer = setTimeout(refresh, Math.max(80, pause));
};

const listen = () => {
  source = new EventSource(`/api/v1/events?since=${asOf}&noun=${body.dataset.live}`);
  source.onopen = () => { state.textContent = `live, as of event ${asOf}`; };
  source.onerror = () => {
    state.textContent = "not live: the farm does not answer, trying again";
    if (source.readyState === EventSource.CLOSED) setTimeout(() => refresh().then(listen), 5000);
  };
  for (const kind of body.dataset.kinds.split(" ")) source.addEventListener(kind, heard);
};

news.addEventListener("click", () => {
  for (const name of [...held.keys()]) apply(name);
});

// A page nobody sees needs no connection; browsers have few of them.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    source?.close();
    source = null;
  } else if (!source) {
    refresh().then(listen);
  }
});
if (!document.hidden) listen();
else state.textContent = `as of event ${asOf}`;
addEventListener("pagehide", () => source?.close());
