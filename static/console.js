/* The console works without this file. It adds: copy buttons, times that go on counting, a note when the connection
   is lost while a page polls, and filters that apply when they change. */
"use strict";

document.documentElement.classList.add("js");

const UNITS = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];

function inWords(seconds) {
  for (const [size, unit] of UNITS) {
    if (seconds >= size) {
      const number = Math.floor(seconds / size);
      return `${number} ${unit}${number === 1 ? "" : "s"}`;
    }
  }
  return "0 seconds";
}

function relative(date) {
  const seconds = Math.round((date.getTime() - Date.now()) / 1000);
  if (Math.abs(seconds) < 5) return "just now";
  return seconds > 0 ? `in ${inWords(seconds)}` : `${inWords(-seconds)} ago`;
}

function refreshTimes() {
  for (const time of document.querySelectorAll("time[data-relative]")) {
    time.textContent = relative(new Date(time.dateTime));
  }
  for (const span of document.querySelectorAll("[data-since]")) {
    const seconds = (Date.now() - new Date(span.dataset.since).getTime()) / 1000;
    span.textContent = inWords(Math.max(0, Math.floor(seconds)));
  }
}

setInterval(refreshTimes, 1000);

function announce(text) {
  const live = document.getElementById("announcements");
  if (live) live.textContent = text;
}

async function copyFrom(button) {
  const source = button.closest("[data-copyable]").querySelector("[data-copy-text]");
  await navigator.clipboard.writeText(source.dataset.copyText || source.textContent.trim());
  button.classList.add("copied");
  announce("Copied");
  setTimeout(() => button.classList.remove("copied"), 1600);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copyFrom(button).catch(() => announce("The browser did not allow copying: select the text instead"));
});

/* A form marked data-once is sent once: a double click starts one run. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]")) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  for (const button of form.querySelectorAll("button[type=submit]")) button.setAttribute("aria-disabled", "true");
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button[aria-disabled]")) button.removeAttribute("aria-disabled");
  }
});

document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-apply-on-change]");
  if (form && event.target.matches("select")) form.requestSubmit();
});

function showConnectionLost(isLost) {
  const note = document.getElementById("connection-lost");
  if (note) note.hidden = !isLost;
}

document.addEventListener("htmx:sendError", () => showConnectionLost(true));
document.addEventListener("htmx:responseError", (event) => showConnectionLost(event.detail.xhr.status >= 500));
document.addEventListener("htmx:afterOnLoad", () => showConnectionLost(false));
document.addEventListener("htmx:afterSwap", refreshTimes);
