// Takes what stands behind the # of a station's link into the form, and out of the address and the history.
(function () {
  "use strict";
  function open() {
    const token = window.location.hash.slice(1);
    const form = document.getElementById("opening");
    if (!token || !form) return;
    window.history.replaceState(null, "", window.location.pathname);
    form.elements.token.value = token;
    form.submit();
  }
  // On a page that is open already, a new # loads nothing.
  window.addEventListener("hashchange", open);
  open();
})();
