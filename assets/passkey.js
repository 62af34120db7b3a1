// Lets passkeys confirm and be registered. Everything else on the pages works without this.
(() => {
  const { startAuthentication, startRegistration, browserSupportsWebAuthn } =
    globalThis.SimpleWebAuthnBrowser;
  if (!browserSupportsWebAuthn()) return;

  const sign = (nonce, rpId) =>
    startAuthentication({
      optionsJSON: { challenge: nonce, rpId, userVerification: 'required', timeout: 120_000 },
    });

  // A page of the version before does not say whose it is.
  const register = ({ nonce, rp, rpName = 'Mandate', user, name }) =>
    startRegistration({
      optionsJSON: {
        challenge: nonce,
        rp: { id: rp, name: rpName },
        user: { id: user, name, displayName: name },
        pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: 'public-key', alg })),
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
        attestation: 'none',
        timeout: 120_000,
      },
    });

  const use = async (form, submitter) => {
    // A page of the version before does not say what is said of none, and may be there while replicas are replaced.
    const {
      passkey,
      nonce,
      rp,
      notUsed = 'No passkey was used. You can try again.',
    } = form.dataset;
    const problem = form.querySelector('.problem');
    const buttons = form.querySelectorAll('button');
    for (const button of buttons) button.disabled = true;
    problem.hidden = true;
    try {
      const response = await (passkey === 'get' ? sign(nonce, rp) : register(form.dataset));
      form.querySelector('input[data-evidence]').value = JSON.stringify(response);
      for (const button of buttons) button.disabled = false;
      form.requestSubmit(submitter);
    } catch {
      problem.textContent = notUsed;
      problem.hidden = false;
      for (const button of buttons) button.disabled = false;
      submitter?.focus();
    }
  };

  for (const form of document.querySelectorAll('form[data-passkey]')) {
    form.hidden = false;
    form.addEventListener('submit', (event) => {
      // Submitted for good once there is something to submit.
      if (form.querySelector('input[data-evidence]').value !== '') return;
      event.preventDefault();
      void use(form, event.submitter);
    });
  }
})();
