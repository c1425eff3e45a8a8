// Completes the address of a link just made by the one this page was opened at: the hub itself believes no Host header.
(function () {
  "use strict";
  const address = document.getElementById("url");
  if (!address.value.startsWith("/")) return;
  address.value = window.location.origin + address.value;
  document.getElementById("before").hidden = true;
})();
