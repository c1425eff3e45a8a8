// What the staff shell does beside htmx: drawer, column choice, keys, questions before a change, relative times.
(function () {
  "use strict";
  const one = (selector, root) => (root || document).querySelector(selector);
  const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));

  // ---- drawer ----
  let opener = null;
  function openDrawer() {
    const drawer = one("#drawer");
    drawer.hidden = false;
    document.body.classList.add("with-drawer");
    drawer.focus({ preventScroll: true });
  }
  function closeDrawer() {
    const drawer = one("#drawer");
    if (!drawer || drawer.hidden) return;
    drawer.hidden = true;
    document.body.classList.remove("with-drawer");
    one("#drawer-body").textContent = "";
    all("tr.chosen").forEach((row) => row.classList.remove("chosen"));
    if (opener && opener.isConnected) opener.focus();
    opener = null;
  }
  document.addEventListener("htmx:beforeRequest", (event) => {
    const row = event.target.closest("tr[data-row]");
    if (!row) return;
    opener = event.target;
    all("tr.chosen").forEach((other) => other.classList.remove("chosen"));
    row.classList.add("chosen");
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "drawer-body") openDrawer();
    refreshTimes();
  });
  document.addEventListener("htmx:sendError", (event) => {
    const target = event.detail.target;
    if (!target) return;
    target.textContent = "没有连上服务器。请检查网络后再点一次。";
    if (target.id === "drawer-body") openDrawer();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-close-drawer]")) closeDrawer();
    all("details.menu-drop[open]").forEach((open) => {
      if (!open.contains(event.target)) open.open = false;
    });
    const row = event.target.closest("tr[data-row]");
    if (!row || event.target.closest("a, button, input, select, label, summary")) return;
    if (String(window.getSelection())) return; // somebody copies a value
    const link = one("a.row-link", row);
    if (link) link.click();
  });

  // ---- keys: / searches, Escape closes, j and k walk through the rows ----
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      all("details.menu-drop[open]").forEach((open) => { open.open = false; });
      closeDrawer();
      return;
    }
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (event.target.closest("input, select, textarea, dialog")) return;
    if (event.key === "/") {
      const box = one("[data-search]") || one(".filters input");
      if (box) { event.preventDefault(); box.focus(); box.select(); }
    } else if (event.key === "j" || event.key === "k") {
      const links = all("a.row-link");
      if (!links.length) return;
      const chosen = links.findIndex((link) => link === document.activeElement || link.closest("tr").classList.contains("chosen"));
      const next = chosen < 0 ? 0 : chosen + (event.key === "j" ? 1 : -1);
      if (links[next]) { links[next].focus(); links[next].scrollIntoView({ block: "nearest" }); }
    }
  });

  // ---- filters send themselves; empty ones stay out of the address ----
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });
  document.addEventListener("submit", (event) => {
    if (event.target.matches(".filters")) {
      all("input, select", event.target).forEach((field) => { if (!field.value) field.disabled = true; });
    }
  });
  window.addEventListener("pageshow", () => {
    all(".filters :disabled").forEach((field) => { field.disabled = false; });
  });

  // ---- columns, remembered in this browser ----
  function remembered(key) {
    try { return JSON.parse(localStorage.getItem(key)) || {}; } catch (error) { return {}; }
  }
  function showColumn(ledger, column, shown) {
    all('[data-col="' + CSS.escape(column) + '"]', ledger).forEach((cell) => { cell.hidden = !shown; });
  }
  function startColumns(ledger) {
    const key = "rider-hub.columns." + ledger.dataset.ledger;
    const choices = remembered(key);
    all("[data-column]", ledger).forEach((box) => {
      const column = box.dataset.column;
      if (typeof choices[column] === "boolean") {
        box.checked = choices[column];
        showColumn(ledger, column, box.checked);
      }
      box.addEventListener("change", () => {
        choices[column] = box.checked;
        showColumn(ledger, column, box.checked);
        try { localStorage.setItem(key, JSON.stringify(choices)); } catch (error) { box.title = "本浏览器不能保存列的选择"; }
      });
    });
  }

  // ---- a question before a change ----
  const agreed = new WeakSet();
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.dataset.confirm || agreed.has(form)) return;
    event.preventDefault();
    event.stopPropagation();
    ask(form.dataset.confirm, event.submitter ? event.submitter.textContent.trim() : "确定", () => {
      agreed.add(form);
      form.requestSubmit(event.submitter || undefined);
      agreed.delete(form);
    });
  }, true);
  document.addEventListener("htmx:confirm", (event) => {
    if (!event.detail.question) return;
    event.preventDefault();
    ask(event.detail.question, "确定", () => event.detail.issueRequest(true));
  });
  function ask(question, word, then) {
    const dialog = document.createElement("dialog");
    dialog.className = "ask";
    const text = document.createElement("p");
    text.textContent = question;
    const buttons = document.createElement("div");
    [["取消", "btn btn-outline-secondary", null], [word, "btn btn-primary", then]].forEach(([title, look, act]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = look;
      button.textContent = title;
      button.addEventListener("click", () => { dialog.close(); if (act) act(); });
      buttons.append(button);
    });
    dialog.append(text, buttons);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  // ---- relative times ----
  const UNITS = [[31536000, "年"], [2592000, "个月"], [86400, "天"], [3600, "小时"], [60, "分钟"]];
  function relative(instant) {
    const seconds = (Date.now() - instant) / 1000;
    const found = UNITS.find((unit) => Math.abs(seconds) >= unit[0]);
    if (!found) return seconds >= 0 ? "刚刚" : "马上";
    return Math.floor(Math.abs(seconds) / found[0]) + " " + found[1] + (seconds > 0 ? "前" : "后");
  }
  function refreshTimes() {
    all("[data-ago]").forEach((node) => {
      const instant = Date.parse(node.dataset.ago);
      if (!Number.isNaN(instant)) node.textContent = relative(instant);
    });
  }

  all("[data-ledger]").forEach(startColumns);
  const summary = one("[data-focus]");
  if (summary) summary.focus();
  setInterval(refreshTimes, 60000);
})();
