// Keeps recovery codes for the person: in the clipboard, in a file, on paper. Nothing is sent anywhere.
(() => {
  const section = document.querySelector('[data-codes]');
  if (section === null) return;
  const text = [...section.querySelectorAll('code')].map((code) => code.textContent).join('\n');
  const said = section.querySelector('[role=status]');

  const save = () => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([`${text}\n`], { type: 'text/plain' }));
    link.download = 'recovery-codes.txt';
    link.click();
    URL.revokeObjectURL(link.href);
    said.textContent = 'The file is recovery-codes.txt.';
  };
  const copy = async () => {
    try {
      // Without https there is no clipboard.
      await navigator.clipboard.writeText(text);
      said.textContent = 'The codes are in the clipboard.';
    } catch {
      said.textContent = 'The codes could not be copied. Write them down.';
    }
  };
  const actions = { copy, save, print: () => print() };

  const buttons = section.querySelector('.buttons');
  buttons.hidden = false;
  buttons.addEventListener('click', ({ target }) => actions[target.dataset.do]?.());
})();
