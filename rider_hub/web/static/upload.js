// Sends a chosen file as it is, never as a form: the server counts its bytes as they come. Marked by data-upload.
(function () {
  "use strict";
  function say(target, words) {
    target.textContent = "";
    const line = document.createElement("p");
    line.className = "field-error";
    line.setAttribute("role", "alert");
    line.textContent = words;
    target.append(line);
  }
  function save(blob, answer) {
    const named = /filename\*=UTF-8''([^;]+)/.exec(answer.headers.get("Content-Disposition") || "");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = named ? decodeURIComponent(named[1]) : "file";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }
  // Words of a form that hold for one choice alone are shown with that choice: data-when="name=value".
  function show(form) {
    form.querySelectorAll("[data-when]").forEach((part) => {
      const [name, value] = part.dataset.when.split("=");
      part.hidden = new FormData(form).get(name) !== value;
    });
  }
  // What is hidden is not said.
  function isSaid(form, name) {
    const field = form.elements[name];
    const first = field instanceof RadioNodeList ? field[0] : field;
    return !(first && first.closest("[data-when][hidden]"));
  }
  function focus(form, problem) {
    const wrong = (problem.errors || []).map((one) => document.getElementById(one.path)).find(Boolean);
    if (wrong && form.contains(wrong)) wrong.focus();
  }
  async function send(form, button, target, before) {
    const file = form.querySelector("input[type=file]").files[0];
    if (!file) {
      form.querySelector("input[type=file]").focus();
      return say(target, "请先选择文件。");
    }
    const query = new URLSearchParams();
    new FormData(form).forEach((value, name) => {
      if (typeof value === "string" && name !== "csrf" && value && isSaid(form, name)) query.append(name, value);
    });
    if (button && button.name && button.value) query.append(button.name, button.value);
    const answer = await fetch(form.getAttribute("action") + "?" + query, {
      method: "POST",
      body: file,
      headers: {
        "Accept": "application/json",
        "Content-Type": "application/octet-stream",
        "X-CSRF-Token": form.querySelector("input[name=csrf]").value,
        "X-File-Name": encodeURIComponent(file.name),
      },
    });
    if (!answer.ok) {
      const problem = await answer.json().catch(() => ({}));
      say(target, problem.zh || form.dataset.failed);
      return focus(form, problem);
    }
    if (answer.headers.has("Content-Disposition")) {
      save(await answer.blob(), answer);
      return target.replaceChildren(...before);
    }
    // The answer is a part of a page of our own; parsed apart, no script in it could run.
    const part = new DOMParser().parseFromString(await answer.text(), "text/html");
    target.replaceChildren(...part.body.childNodes);
  }
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-upload]");
    if (!form) return;
    event.preventDefault();
    const target = document.querySelector(form.dataset.upload);
    const buttons = Array.from(form.elements).filter((one) => one.type === "submit" && !one.disabled);
    buttons.forEach((button) => { button.disabled = true; });
    const before = Array.from(target.childNodes);
    target.textContent = form.dataset.waiting;
    send(form, event.submitter, target, before)
      .catch(() => say(target, "没有连上服务器，或文件在选择之后改动过。请检查网络，重新选择文件后再试。"))
      .finally(() => buttons.forEach((button) => { button.disabled = false; }));
  });
  // The browser's own words beside a file are of the browser's language: ours stand there instead.
  function nameFile(input) {
    const place = document.querySelector("[data-file-name='" + input.id + "']");
    if (place && input.files[0]) place.textContent = input.files[0].name;
  }
  document.addEventListener("change", (event) => {
    if (event.target.type === "file") nameFile(event.target);
    const form = event.target.closest("form[data-upload]");
    if (form) show(form);
  });
  document.querySelectorAll("form[data-upload]").forEach(show);
  // A page that is gone back to may hold a file already.
  document.querySelectorAll("input[type=file]").forEach(nameFile);
})();
