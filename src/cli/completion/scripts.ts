/** The shells that completion is there for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;

/**
 * What each shell is to run once, so that it asks `mandate complete` what may come next: the command line up to the
 * cursor goes there, and candidates come back, one on each line, with what they mean behind a tab.
 */
export const SCRIPTS: Readonly<Record<(typeof SHELLS)[number], string>> = {
  bash: `# mandate completion bash: put this into ~/.bashrc
#   source <(mandate completion bash)
_mandate() {
  local typed="\${COMP_LINE:0:COMP_POINT}" word last broken
  COMPREPLY=()
  while IFS=$'\\t' read -r word _; do
    COMPREPLY+=("$(printf %q "$word")")
  done < <(mandate complete "$typed" 2>/dev/null)
  # What is in front of a : or = is a word of its own for readline.
  last="\${typed##*[[:space:]]}"
  broken="\${last%"\${last##*[:=]}"}"
  COMPREPLY=("\${COMPREPLY[@]#"$broken"}")
}
complete -o default -F _mandate mandate
`,
  zsh: `#compdef mandate
# mandate completion zsh: put this into ~/.zshrc, after compinit
#   source <(mandate completion zsh)
_mandate() {
  local -a candidates
  local word what
  while IFS=$'\\t' read -r word what; do
    candidates+=("\${word//:/\\\\:}:$what")
  done < <(mandate complete "\${(j: :)\${(@q)words[1,CURRENT]}}" 2>/dev/null)
  if (( \${#candidates} )); then
    _describe mandate candidates
  else
    _files
  fi
}
compdef _mandate mandate
`,
  fish: `# mandate completion fish: put this into ~/.config/fish/config.fish
#   mandate completion fish | source
function __mandate_complete
  set -l candidates (mandate complete (commandline -cp | string collect) 2>/dev/null)
  if test (count $candidates) -gt 0
    printf '%s\\n' $candidates
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c mandate -f -a '(__mandate_complete)'
`,
};
