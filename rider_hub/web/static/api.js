/* Shows the OpenAPI document by swagger-ui. Requests are signed over their bytes, so none is sent from here. */
"use strict";

// Chromium 89, the oldest browser pages promise to work on, has neither of these.
if (!Object.hasOwn) {
  Object.hasOwn = (object, name) => Object.prototype.hasOwnProperty.call(object, name);
}
if (!Array.prototype.at) {
  Array.prototype.at = function at(index) {
    const whole = Math.trunc(index) || 0;
    return this[whole < 0 ? whole + this.length : whole];
  };
}

document.addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("api");
  window.SwaggerUIBundle({
    url: place.dataset.url,
    domNode: place,
    deepLinking: false,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    supportedSubmitMethods: [],
    validatorUrl: null,
  });
});
