/**
 * `node tests/dashboard/screenshots.ts`: pictures of the dashboard of a real installation, at rest, during and after real failovers, into
 * `docs/images`. A failover is over before a picture of it can be taken; so for the one of it the standbys are stopped for a moment, as by
 * a machine that is held up, and the picture is taken while the one that was named has yet to answer.
 */
import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { launchChromium } from './chromium.ts'
import { card } from './in-page.ts'
import { type Installation, startInstallation } from './installation.ts'

const folder = join(import.meta.dirname, '../../docs/images')
/** What is kept with the sources is small. */
const bytesMax = 250_000
/** As long as the plots and traces need to have something to show. */
const quietMs = 25_000
const afterMs = 6_000
/** The decision is on the page by then, and nobody is suspected yet. */
const duringMs = 120

const wide = { viewport: { width: 1280, height: 900 } }
const narrow = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 1.5 }

const browser = await launchChromium()
const installation = await startInstallation({ rate: 180 })
try {
  await takeAll(browser, installation)
} finally {
  await browser.close()
  await installation.stop()
}

async function takeAll(browser: Browser, { url, cluster, active, standbys }: Installation): Promise<void> {
  const open = async (options: BrowserContextOptions) => {
    const page = await (await browser.newContext(options)).newPage()
    await page.goto(url)
    return page
  }
  await mkdir(folder, { recursive: true })
  const light = await open({ ...wide, colorScheme: 'light' })
  const small = await open({ ...narrow, colorScheme: 'light' })
  const dark = await open({ ...wide, colorScheme: 'dark' })
  await standbys(2)
  await pause(quietMs)
  await take(light, 'dashboard-rest-wide')
  await take(small, 'dashboard-rest-narrow')

  for (const [page, name] of [
    [small, 'dashboard-during-narrow'],
    [light, 'dashboard-during-wide'],
  ] as const) {
    const killed = await active()
    const others = cluster.backends.filter((other) => other !== killed).map((other) => cluster.processes.get(other)!)
    for (const other of others) other.kill('SIGSTOP')
    cluster.processes.get(killed)!.kill('SIGKILL')
    await pause(duringMs)
    const taken = take(page, name)
    await taken
    for (const other of others) other.kill('SIGCONT')
    await startAgain(light, killed)
  }

  const killed = await active()
  cluster.processes.get(killed)!.kill('SIGKILL')
  await pause(afterMs)
  await take(light, 'dashboard-failover-wide')
  await take(small, 'dashboard-failover-narrow')
  await take(dark, 'dashboard-failover-dark')

  async function startAgain(page: Page, name: string): Promise<void> {
    await active()
    await pause(afterMs)
    await cluster.startBackend(name)
    await standbys(2)
    await card(page, name).getByText('standby', { exact: true }).waitFor()
    await pause(quietMs)
  }
}

async function take(page: Page, name: string): Promise<void> {
  const path = join(folder, `${name}.png`)
  await page.screenshot({ path, fullPage: true })
  const { size } = await stat(path)
  process.stdout.write(`${path}: ${Math.ceil(size / 1_000)} kB\n`)
  if (size > bytesMax) throw new Error(`${path} is larger than ${bytesMax} bytes`)
}
