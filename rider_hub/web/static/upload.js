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
  async function send(form, button, target) {
    const file = form.querySelector("input[type=file]").files[0];
    if (!file) return say(target, "请先选择文件。");
    const query = new URLSearchParams();
    new FormData(form).forEach((value, name) => {
      if (typeof value === "string" && name !== "csrf" && value) query.append(name, value);
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
      return say(target, problem.zh || "没有检查成，请稍后再试。");
    }
    if (answer.headers.has("Content-Disposition")) return save(await answer.blob(), answer);
    // The answer is a part of a page of our own; parsed apart, no script in it could run.
    const part = new DOMParser().parseFromString(await answer.text(), "text/html");
    target.replaceChildren(...part.body.childNodes);
  }
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-upload]");
    if (!form) return;
    event.preventDefault();
    const target = document.querySelector(form.dataset.upload);
    const buttons = Array.from(form.querySelectorAll("button"));
    buttons.forEach((button) => { button.disabled = true; });
    target.textContent = "正在检查…";
    send(form, event.submitter, target)
      .catch(() => say(target, "没有连上服务器。请检查网络后再试。"))
      .finally(() => {
        buttons.forEach((button) => { button.disabled = false; });
        if (target.textContent === "正在检查…") target.textContent = "";
      });
  });
})();
