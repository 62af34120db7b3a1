// Sends the secret of a link. It is in the fragment, which browsers keep to themselves, so that no log has it.
// Without this, people paste the link into the same form.
(() => {
  const form = document.querySelector('form[data-link]');
  if (form === null) return;

  const send = () => {
    const secret = location.hash.slice(1);
    if (secret === '') return;
    // Neither the address bar nor the history keeps it. The query is where the form goes, too: it may say a language.
    history.replaceState(null, '', location.pathname + location.search);
    form.elements.link.value = secret;
    form.requestSubmit();
  };
  addEventListener('hashchange', send);
  send();
})();
