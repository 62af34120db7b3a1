const [MAJOR = 0] = process.versions.node.split('.').map(Number);

/**
 * The flags of V8 that servers and commands of tests run with. They live for seconds, and a run starts some
 * hundred of them: without these, a fifth of what a start costs is code that is compiled once more for the long run, and
 * a memory that grows in small steps. What the code does is the same; only `bench` asks how fast it becomes.
 */
export const SHORT_LIVED: readonly string[] = [
  // Eight times as much is run of a function before it is worth an optimization. Later versions have no such flag.
  ...(MAJOR < 22 ? ['--interrupt-budget=540672'] : []),
  // MiB of young objects, which by default it reaches in steps.
  '--min-semi-space-size=16',
  // The policy engine is compiled once, quickly; the second, slow compilation is for the long run as well.
  '--liftoff-only',
];
