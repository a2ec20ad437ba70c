/** Takes all that a core gives, and is gone when its parent is: it looks up now and then. */
process.once('disconnect', () => process.exit(0))
process.send?.('ready')

const spellMs = 200

function burn(): void {
  const endMs = performance.now() + spellMs
  while (performance.now() < endMs);
  setImmediate(burn)
}
burn()
