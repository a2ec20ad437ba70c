/** Preloaded into backends, so that a row can have one crash of its own code: SIGUSR2 throws what nobody catches, SIGWINCH exits at once. */
process.on('SIGUSR2', () => {
  throw new Error('a crash on purpose')
})
process.on('SIGWINCH', () => process.exit(3))
