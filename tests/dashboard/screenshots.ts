/**
 * `node tests/dashboard/screenshots.ts`: pictures of the dashboard of a real installation, at rest, during and after real failovers, into
 * `docs/images`. A failover is over before a picture of it can be taken; so for the one of it the page is told to draw nothing more once it
 * has shown that one is under way, and the picture is taken of that.
 */
import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { launchChromium } from './chromium.ts'
import { stopAtFailover, stoppedAtFailover } from './in-page.ts'
import { type Installation, startInstallation } from './installation.ts'

const folder = join(import.meta.dirname, '../../docs/images')
/** What is kept with the sources is small. */
const bytesMax = 250 * 1_024
/** As long as the plots and traces need to have something to show. */
const quietMs = 20_000
const afterMs = 6_000
/** A trace is as long. */
const settleMs = 5_000
const pictureTimeoutMs = 120_000
/** How often the active is killed at most until a page has shown what is between the decision and the first answer. */
const killsMax = 8

const wide = { viewport: { width: 1280, height: 900 } }
/** As much of the page as tells the story. */
const narrow = { viewport: { width: 390, height: 1_700 } }

const browser = await launchChromium()
const installation = await startInstallation({ rate: 180 })
try {
  await takeAll(browser, installation)
} finally {
  await browser.close()
  await installation.stop()
}

async function takeAll(browser: Browser, { url, cluster, active, standbys }: Installation): Promise<void> {
  await mkdir(folder, { recursive: true })
  await standbys(2)
  await pause(quietMs)
  await picture('dashboard-rest-wide', wide)
  await picture('dashboard-rest-narrow', narrow)
  const killed = await active()
  cluster.processes.get(killed)!.kill('SIGKILL')
  await pause(afterMs)
  await picture('dashboard-failover-wide', wide)
  await picture('dashboard-failover-narrow', narrow)
  await picture('dashboard-failover-dark', { ...wide, colorScheme: 'dark' })
  await cluster.startBackend(killed)
  await standbys(2)

  await during('dashboard-during-wide', wide)
  await during('dashboard-during-narrow', narrow)

  /** Opens the page, has something happen, and takes the picture unless that says no. */
  async function picture(
    name: string,
    options: BrowserContextOptions,
    happen: (page: Page) => Promise<boolean> = async () => true,
  ): Promise<boolean> {
    const context = await browser.newContext({ colorScheme: 'light', ...options })
    const page = await context.newPage()
    await page.goto(url)
    await page.locator('[data-backend]').first().waitFor()
    await pause(settleMs)
    const happened = await happen(page)
    if (happened) await take(page, name)
    await context.close()
    return happened
  }

  /** A picture between the decision and the first answer. */
  async function during(name: string, options: BrowserContextOptions): Promise<void> {
    for (let kill = 0; kill < killsMax; kill++) {
      const killed = await active()
      const caught = await picture(name, options, async (page) => {
        await page.evaluate(stopAtFailover, killed)
        cluster.processes.get(killed)!.kill('SIGKILL')
        return page.evaluate(stoppedAtFailover)
      })
      await active()
      await cluster.startBackend(killed)
      await standbys(2)
      if (caught) return
    }
    throw new Error(`${killsMax} failovers were each shown as a whole: none was seen under way`)
  }
}

async function take(page: Page, name: string): Promise<void> {
  const path = join(folder, `${name}.png`)
  await page.screenshot({ path, fullPage: (page.viewportSize()?.width ?? 0) > 1_000, timeout: pictureTimeoutMs })
  const { size } = await stat(path)
  process.stdout.write(`${path}: ${Math.ceil(size / 1_000)} kB\n`)
  if (size > bytesMax) throw new Error(`${path} is larger than ${bytesMax} bytes`)
}
