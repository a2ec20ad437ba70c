/** For tests: a server to be spawned, whose behaviour is its second argument; and what tests ask about processes. */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'

const patienceMs = 10_000

/** A program to be run with `node -e SOURCE -- {port} BEHAVIOUR NAME`. It answers with its name and its pid. */
const source = `
const [port, behaviour, name] = process.argv.slice(1)
const server = require('node:http').createServer((request, response) => response.end(name + ' ' + process.pid))
const listen = () => server.listen(Number(port), '127.0.0.1')
const lives = {
  serves() { console.log('up on ' + port); listen() },
  stubborn() { process.on('SIGTERM', () => {}); listen() },
  stillborn() { console.error('no database at ' + port); process.exitCode = 3 },
  silent() { setInterval(() => {}, 60000) },
  parent() {
    const { spawn } = require('node:child_process')
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 60000)'], { stdio: 'inherit' })
    console.log('child ' + child.pid)
    listen()
  },
}
lives[behaviour]()
`

/** Program and words for a server that behaves in one of the ways above. */
export function serverCommand(behaviour: string): { program: string; words: string[] } {
  return { program: process.execPath, words: ['-e', source, '--', '{port}', behaviour, '{name}'] }
}

/** The same as the text of `--spawn`. */
export function serverCommandLine(behaviour: string): string {
  const { program, words } = serverCommand(behaviour)
  return [program, ...words].map((word) => (word.includes("'") ? `"${word}"` : `'${word}'`)).join(' ')
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Waits for what has no event. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadlineMs = performance.now() + patienceMs
  while (!(await condition())) {
    assert.ok(performance.now() < deadlineMs, `waited in vain: ${what}`)
    await pause(5)
  }
}
