import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { testDirectory } from '../checkpoint/test-directory.ts'
import { withTokenFile } from './token-file.ts'

const holds = (text: string) => () => text

test('a token in a file is the token, without the line end that an editor leaves', () => {
  const environment = withTokenFile({ HEARTLINE_TOKEN_FILE: '/t', OTHER: 'o' }, holds('a secret word\n'))
  assert.deepEqual(environment, { HEARTLINE_TOKEN_FILE: '/t', OTHER: 'o', HEARTLINE_TOKEN: 'a secret word' })
})

test('a token in the environment itself counts, and then no file is read', () => {
  const given = { HEARTLINE_TOKEN_FILE: '/t', HEARTLINE_TOKEN: 'another word' }
  assert.equal(withTokenFile(given, assert.fail), given)
  assert.deepEqual(withTokenFile({ HEARTLINE_TOKEN_FILE: '' }, assert.fail), { HEARTLINE_TOKEN_FILE: '' })
})

test('a file that is empty or cannot be read is an error, never an installation without a token', () => {
  assert.throws(() => withTokenFile({ HEARTLINE_TOKEN_FILE: '/t' }, holds(' \n')), {
    code: 'TOKEN_FILE',
    message: /\/t is empty/,
  })
  const missing = () => {
    throw new Error('ENOENT: no such file, open /t')
  }
  assert.throws(() => withTokenFile({ HEARTLINE_TOKEN_FILE: '/t' }, missing), { code: 'TOKEN_FILE', message: /ENOENT/ })
})

test('commands read it, and say in one line what is wrong with it, never what it holds', async (t) => {
  const { path } = await testDirectory(t)
  const main = fileURLToPath(new URL('./main.ts', import.meta.url))
  const ask = (file: string, args: string[]) =>
    new Promise<{ code: number; said: string }>((resolve) => {
      execFile(
        process.execPath,
        [main, ...args],
        { env: { ...process.env, HEARTLINE_TOKEN: '', HEARTLINE_TOKEN_FILE: file } },
        (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), said: `${stdout}${stderr}` }),
      )
    })
  const short = join(path, 'short')
  await writeFile(short, 'hush\n')
  const wrong = await ask(short, ['receiver'])
  assert.deepEqual(wrong, { code: 2, said: 'heartline receiver: HEARTLINE_TOKEN: expected at least 8 characters\n' })
  const missing = await ask(join(path, 'none'), ['status'])
  assert.equal(missing.code, 2)
  assert.match(missing.said, /^heartline status: HEARTLINE_TOKEN_FILE: ENOENT.*\n$/)
  assert.equal((await ask(join(path, 'none'), ['health', '--help'])).code, 0, 'who needs no token reads none')
})
