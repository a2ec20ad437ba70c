/** Frame times of the dashboard in a real Chromium without a screen. */
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import type { BenchContext } from '../benchmark.ts'
import { mustHold } from '../errors.ts'

export type { Browser } from 'playwright-core'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
/** The page is loaded, its code compiled, its first pictures drawn. */
const settleMs = 3_000

/** Chromium, or a note that there is none. It ends with the benchmark. */
export async function findChromium({ cleanup }: BenchContext): Promise<{ browser?: Browser; missing?: string }> {
  const executablePath = [process.env.CHROMIUM ?? '', ...places].find(existsSync)
  if (executablePath === undefined) return { missing: 'no Chromium here: frame times are not measured' }
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [] // Chromium refuses to be root otherwise
  const browser = await chromium.launch({ executablePath, args })
  cleanup.add(() => browser.close())
  return { browser }
}

/** Times between animation frames, milliseconds, while the page shows all backends and their heartbeats. */
export async function measureFrames(
  browser: Browser,
  url: string,
  { backends, seconds }: { backends: number; seconds: number },
  signal: AbortSignal,
): Promise<number[]> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
  try {
    await page.goto(url)
    await page.waitForSelector('[data-backend]')
    await page.waitForTimeout(settleMs)
    signal.throwIfAborted()
    const shown = await page.locator('[data-backend]').count()
    mustHold(shown >= backends, `the page shows ${shown} of ${backends} backends`)
    return await page.evaluate(frameTimes, seconds * 1_000)
  } finally {
    await page.close()
  }
}

/** Runs in the page. */
function frameTimes(forMs: number): Promise<number[]> {
  return new Promise((resolve) => {
    const times: number[] = []
    let firstMs: number | undefined
    let lastMs = 0
    const frame = (atMs: number) => {
      if (firstMs !== undefined) times.push(atMs - lastMs)
      firstMs ??= atMs
      lastMs = atMs
      if (atMs - firstMs < forMs) browser.requestAnimationFrame(frame)
      else resolve(times)
    }
    const browser = globalThis as unknown as { requestAnimationFrame(callback: (atMs: number) => void): void }
    browser.requestAnimationFrame(frame)
  })
}
