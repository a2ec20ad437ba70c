import assert from 'node:assert/strict'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { describe, it, type TestContext } from 'node:test'
import { Child, describeEnd, exitCodeOf } from './child.ts'

async function run(t: TestContext, script: string) {
  const outputs = { stdout: new PassThrough(), stderr: new PassThrough() }
  const child = await Child.start(['sh', '-c', script], { ...process.env, PORT: '4711' }, outputs)
  t.after(() => child.kill('SIGKILL'))
  return { child, ...outputs }
}

/** All that was passed on: in how many pieces is the system's affair. */
function textOf(stream: PassThrough): string {
  let text = ''
  for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) text += chunk
  return text
}

describe('a child', () => {
  it('that ends by itself: its exit code, its output passed on, and its last lines, also those without an end', async (t) => {
    const { child, stdout, stderr } = await run(t, 'echo first $PORT; echo oops >&2; printf last; exit 3')
    const end = await child.ended
    assert.deepEqual(
      [end, exitCodeOf(end), describeEnd(end)],
      [...[{ code: 3, signal: null }, 3, 'its process ended with exit code 3']],
    )
    assert.deepEqual([stdout, stderr].map(textOf), ['first 4711\nlast', 'oops\n'])
    assert.deepEqual(child.lastLines.toSorted(), ['first 4711', 'last', 'oops'])
    assert.equal(child.kill('SIGTERM'), false)
  })

  it('that says much just before its end is heard to the last word', async (t) => {
    const { child } = await run(t, 'seq 1 9000; kill -9 $$')
    await child.ended
    assert.deepEqual(child.lastLines.slice(-2), ['8999', '9000'])
  })

  it('that is killed: the signal, and the code a shell would give', async (t) => {
    const { child, stdout } = await run(t, 'echo up; exec sleep 60')
    await once(stdout, 'readable')
    process.kill(child.pid, 'SIGKILL')
    const end = await child.ended
    assert.deepEqual(
      [end, exitCodeOf(end), describeEnd(end)],
      [...[{ code: null, signal: 'SIGKILL' }, 137, 'its process was killed by SIGKILL']],
    )
    assert.deepEqual(child.lastLines, ['up'])
  })

  it('whose own child keeps the pipes open has ended all the same, and that one can be ended too', async (t) => {
    const { child, stdout } = await run(t, 'sleep 60 & echo up; wait')
    await once(stdout, 'readable')
    process.kill(child.pid, 'SIGKILL')
    await child.ended
    assert.deepEqual(child.lastLines, ['up'])
    assert.equal(child.kill('SIGKILL'), true)
  })

  it('is asked to end, and only then made to', async (t) => {
    const polite = await run(t, 'trap "echo bye; exit 0" TERM; echo up; while :; do sleep 0.01; done')
    await once(polite.stdout, 'readable')
    assert.equal(await polite.child.stop(5_000), true)
    assert.deepEqual(await polite.child.ended, { code: 0, signal: null })
    assert.ok(polite.child.lastLines.includes('bye'))
    const stubborn = await run(t, 'trap "" TERM; echo up; while :; do sleep 0.01; done')
    await once(stubborn.stdout, 'readable')
    assert.equal(await stubborn.child.stop(50), false)
    assert.deepEqual(await stubborn.child.ended, { code: null, signal: 'SIGKILL' })
  })

  it('goes on when nobody reads what it prints any more', async (t) => {
    const { child, stdout } = await run(t, 'for i in 1 2 3 4 5 6; do seq 1 20000; done; echo the end')
    stdout.destroy(new Error('broken pipe'))
    assert.deepEqual(await child.ended, { code: 0, signal: null })
    assert.equal(child.lastLines.at(-1), 'the end')
  })

  it('that cannot be started is one clear error', async () => {
    const outputs = { stdout: new PassThrough(), stderr: new PassThrough() }
    await assert.rejects(Child.start(['/no/such/program'], {}, outputs), {
      code: 'COMMAND_FAILED',
      message: 'cannot run /no/such/program: there is no such program',
    })
  })
})
