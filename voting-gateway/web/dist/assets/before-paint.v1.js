// Sets theme and language before the first paint, so that nothing flashes. The name carries a version because
// files under assets are cached for ever.
(function () {
  try {
    var theme = localStorage.getItem('voting.theme');
    var locale = localStorage.getItem('voting.locale');
    if (theme) document.documentElement.dataset.theme = theme;
    if (locale) document.documentElement.lang = locale;
  } catch (error) {
    // Without storage the page follows the system.
  }
})();
