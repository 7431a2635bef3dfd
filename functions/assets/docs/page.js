// Shows the registry's own document. Nothing is fetched from anywhere else: no validator, no fonts.
window.SwaggerUIBundle({
  url: '../openapi.json',
  dom_id: '#api',
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  // A key that was typed in is gone with the page.
  persistAuthorization: false,
  validatorUrl: null,
});
