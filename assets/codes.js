// Keeps recovery codes for the person: in the clipboard, in a file, on paper. Nothing is sent anywhere.
(() => {
  const section = document.querySelector('[data-codes]');
  if (section === null) return;
  const text = [...section.querySelectorAll('code')].map((code) => code.textContent).join('\n');
  const said = section.querySelector('[role=status]');
  // A page of the version before says nothing of these, and may be there while replicas are replaced.
  const {
    file = 'recovery-codes.txt',
    copied = 'The codes are in the clipboard.',
    notCopied = 'The codes could not be copied. Write them down.',
    saved = `The file is ${file}.`,
  } = section.dataset;

  const save = () => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([`${text}\n`], { type: 'text/plain' }));
    link.download = file;
    link.click();
    URL.revokeObjectURL(link.href);
    said.textContent = saved;
  };
  const copy = async () => {
    try {
      // Without https there is no clipboard.
      await navigator.clipboard.writeText(text);
      said.textContent = copied;
    } catch {
      said.textContent = notCopied;
    }
  };
  const actions = { copy, save, print: () => print() };

  const buttons = section.querySelector('.buttons');
  buttons.hidden = false;
  buttons.addEventListener('click', ({ target }) => actions[target.dataset.do]?.());
})();
