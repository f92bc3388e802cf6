// Keeps times true while a page is open: how long ago, how long so far, how much is left.
// Texts only change in place; nothing moves.

const rough = (ms) => {
  const s = Math.floor(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 36000 && Math.floor(s / 60) % 60 > 0) {
    return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
  }
  if (s < 172800) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} days`;
};

const two = (n) => String(n).padStart(2, "0");

const exact = (ms) => {
  const s = Math.floor(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)}:${two(s % 60)}`;
  return `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
};

const set = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

// The farm's clock and this one may differ: what was just now when the page was made is just now.
const skew = Number(document.body?.dataset.now || Date.now()) - Date.now();
const past = (text) => Math.max(0, Date.now() + skew - Date.parse(text));

const tick = () => {
  for (const e of document.querySelectorAll("[data-ago]")) {
    const ms = past(e.dateTime);
    set(e, ms < 5000 ? "just now" : `${rough(ms)} ago`);
  }
  for (const e of document.querySelectorAll("[data-since]")) set(e, exact(past(e.dataset.since)));
  for (const e of document.querySelectorAll("[data-left]")) {
    const usual = Number(e.dataset.usual);
    const gone = past(e.dataset.left);
    set(e, gone > usual ? `${rough(gone - usual)} over usual` : `about ${rough(usual - gone)} left`);
    e.className = gone > usual ? "warn" : "soft";
  }
  for (const e of document.querySelectorAll("[data-progress]")) {
    const usual = Number(e.dataset.usual);
    const gone = past(e.dataset.progress);
    const whole = Math.max(usual * 1.25, gone * 1.05, 1);
    e.querySelector(".done")?.setAttribute("width", `${(gone / whole) * 100}%`);
    e.querySelector(".mark")?.setAttribute("x", `${(usual / whole) * 100}%`);
    e.classList.toggle("over", gone > usual);
  }
};

tick();
setInterval(tick, 1000);
document.addEventListener("steading:newer", tick);
