// Sends a form and the beginning of a file with each step, so that the server keeps no sample. Marked by data-mapping.
(function () {
  "use strict";
  const BEGINNING = 1024 * 1024;
  function say(target, words) {
    target.textContent = "";
    const line = document.createElement("p");
    line.className = "field-error";
    line.setAttribute("role", "alert");
    line.textContent = words;
    target.append(line);
  }
  // The whole lines of the beginning of a text; a workbook can't be cut.
  async function beginning(file) {
    if (file.size <= BEGINNING) return file;
    const head = new Uint8Array(await file.slice(0, BEGINNING).arrayBuffer());
    const isText = head[0] !== 0x50 && head[0] !== 0xd0 && head[0] !== 0x5b;
    return isText ? file.slice(0, head.lastIndexOf(0x0a) + 1) : file;
  }
  async function send(form, button, target, before) {
    const file = form.querySelector("input[type=file]").files[0];
    if (!file) {
      target.replaceChildren(...before);
      form.querySelector("input[type=file]").focus();
      return tell(form, button, "请先选择样例文件。");
    }
    const said = new URLSearchParams();
    new FormData(form).forEach((value, name) => {
      if (typeof value === "string" && name !== "csrf" && value) said.append(name, value);
    });
    const answer = await fetch(button.getAttribute("formaction"), {
      method: "POST",
      body: new Blob([said.toString(), "\n", await beginning(file)]),
      headers: {
        "Accept": "application/json",
        "Content-Type": "application/octet-stream",
        "X-CSRF-Token": form.querySelector("input[name=csrf]").value,
        "X-File-Name": encodeURIComponent(file.name),
      },
    });
    if (!answer.ok) {
      const problem = await answer.json().catch(() => ({}));
      target.replaceChildren(...before);
      return tell(form, button, problem.zh || "没有读成，请稍后再试。");
    }
    tell(form, button, "");
    // The answer is a part of a page of our own; parsed apart, no script in it could run.
    const part = new DOMParser().parseFromString(await answer.text(), "text/html");
    target.replaceChildren(...part.body.childNodes);
    target.scrollIntoView({ block: "start" });
  }
  // What went wrong stands beside the button: the choices made so far stay where they are.
  function tell(form, button, words) {
    const place = button.closest(".buttons");
    let note = place.previousElementSibling;
    if (!note || !note.hasAttribute("data-told")) {
      note = document.createElement("div");
      note.setAttribute("data-told", "");
      place.before(note);
    }
    if (words) say(note, words);
    else note.textContent = "";
  }
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-mapping]");
    const button = event.submitter;
    if (!form || !button || !button.dataset.part) return;
    event.preventDefault();
    const target = document.querySelector(button.dataset.part);
    const before = Array.from(target.childNodes);
    const waiting = document.createElement("p");
    waiting.textContent = button.dataset.waiting;
    button.disabled = true;
    // The choices are read before they give way to the words of waiting.
    const sent = send(form, button, target, before);
    if (target.id !== "columns") target.replaceChildren(waiting);
    sent
      .catch(() => {
        target.replaceChildren(...before);
        tell(form, button, "没有连上服务器，或文件在选择之后改动过。请检查网络，重新选择文件后再试。");
      })
      .finally(() => { button.disabled = false; });
  });
})();
