/** The Dockerfile against a linter and against the code. What it builds is tried in `image.slow-test.ts`. */
import assert from 'node:assert/strict'
import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { validate } from 'dockerfile-utils'
import { portsOf, readCommand } from './compose-services.ts'
import { dockerfilePath, lastOf, readDockerfile, type Stage } from './dockerfile.ts'

const root = join(import.meta.dirname, '../..')

describe('the Dockerfile', () => {
  let stages: Stage[]
  let image: Stage
  before(async () => {
    stages = await readDockerfile()
    image = stages.at(-1)!
  })

  it('has no fault that a linter knows', async () => {
    assert.deepEqual(validate(await readFile(dockerfilePath, 'utf8')), [])
  })

  it('is of the Node that all tests run on, to the patch', async () => {
    const { devDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    for (const stage of stages) assert.equal(stage.image, `node:${devDependencies.node}-slim`)
  })

  it('installs by the lock, and runs no script of a dependency', () => {
    const installs = stages.flatMap(({ instructions }) => instructions).filter(({ text }) => text.includes('npm ci'))
    assert.equal(installs.length, 2)
    for (const { text } of installs) assert.match(text, /^npm ci (--omit=dev )?--ignore-scripts /)
  })

  it('holds what was built and what it needs to run, and nothing that was only needed to build', () => {
    assert.deepEqual(
      image.instructions.filter(({ keyword }) => keyword === 'RUN' || keyword === 'ADD'),
      [],
    )
    const copies = image.instructions.filter(({ keyword }) => keyword === 'COPY')
    for (const { text } of copies) assert.match(text, /^--from=(dependencies|build) /)
    const dependencies = stages.find(({ name }) => name === 'dependencies')!
    assert.match(lastOf(dependencies, 'RUN')!, /--omit=dev/)
  })

  it('runs as nobody of importance, by number', () => {
    assert.match(lastOf(image, 'USER')!, /^[1-9]\d*:[1-9]\d*$/)
    const order = image.instructions.map(({ keyword }) => keyword)
    assert.ok(
      order.lastIndexOf('COPY') < order.indexOf('USER'),
      'what is copied belongs to root, and cannot be changed',
    )
  })

  it('is heartline itself, with the signal by which it ends in order', async () => {
    assert.deepEqual(JSON.parse(lastOf(image, 'ENTRYPOINT') ?? ''), ['heartline'])
    assert.deepEqual(JSON.parse(lastOf(image, 'CMD') ?? ''), ['--help'])
    assert.equal(lastOf(image, 'STOPSIGNAL'), 'SIGTERM')
    const { bin } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    const built = bin.heartline.replace(/\.ts$/, '.js')
    const linking = stages
      .find(({ name }) => name === 'build')!
      .instructions.map(({ text }) => text)
      .join('\n')
    assert.ok(linking.includes(`ln -s ../dist/${built} image/app/bin/heartline`))
    assert.match(lastOf(image, 'ENV')!, /PATH=\/app\/bin:\$PATH/)
  })

  it('checks its health by a command that there is, and exposes the ports that the processes have by default', async () => {
    const healthCheck = lastOf(image, 'HEALTHCHECK')!
    assert.match(healthCheck, /--interval=30s /, 'each check starts a Node in every container')
    assert.match(healthCheck, /--start-period=60s --start-interval=2s /, 'and none waits for long at the start')
    const [, check] = /CMD (\[.*\])$/.exec(healthCheck)!
    const [program = '', ...argv] = JSON.parse(check!) as string[]
    assert.equal(program, 'heartline')
    assert.equal((await readCommand(argv, {})).name, 'health')
    const ports = await Promise.all(
      ['receiver', 'balancer', 'backend'].map(async (name) => portsOf((await readCommand([name], {})).options)),
    )
    assert.deepEqual(lastOf(image, 'EXPOSE')!.split(' ').map(Number), ports.flat())
  })

  it('copies files that are there', async () => {
    for (const { instructions } of stages.slice(0, -1))
      for (const { text } of instructions.filter(({ keyword }) => keyword === 'COPY'))
        for (const source of text.split(' ').slice(0, -1)) await access(join(root, source))
  })

  it('lets no secret and nothing built elsewhere into the build', async () => {
    const ignored = (await readFile(`${dockerfilePath}.dockerignore`, 'utf8')).split('\n')
    for (const pattern of ['.git', '**/node_modules', '**/.env*', '**/*.pem', '**/*.key', 'dist', '*.tgz'])
      assert.ok(ignored.includes(pattern), pattern)
  })
})
