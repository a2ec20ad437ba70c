/** `npm run test:documents`: every command of the documents, run as its reader would run it. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { missingTools } from '../../compose/kafka/missing-tools.ts'
import { play } from './play.ts'
import { type Scene, scenes } from './scenes.ts'
import { openStage } from './stage.ts'

/** A part of the scenes, by their names: for whoever writes one. */
const only = process.env.ONLY ?? ''

/** Why a scene cannot be played here, or false; in CI that is a failure. */
function skipped({ kafka, programs = [] }: Scene): string | false {
  const shell = (name: string) => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0
  const missing = programs.filter((name) => !shell(name))
  if (missing.length > 0 && process.env.CI !== 'true') return `${missing.join(' and ')} missing`
  return kafka === true && missingTools()
}

for (const scene of scenes.filter(({ name }) => name.includes(only)))
  test(scene.name, { skip: skipped(scene), timeout: 1_200_000 }, async (t) => {
    const stage = await openStage(scene.files)
    t.after(() => stage.close())
    if (scene.ownNetwork && !stage.ownNetwork) {
      assert.notEqual(process.env.CI, 'true', 'there is a network of its own in CI')
      return t.skip('no network of its own can be had here')
    }
    await play(scene, stage)
  })

test('curl is there, which documents tell readers to use', () => {
  assert.match(execFileSync('curl', ['--version'], { encoding: 'utf8' }), /^curl /)
})
