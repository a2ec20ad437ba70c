/** A real Chromium, and pages that remember everything that went wrong in them. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Where Chromium is: `CHROMIUM`, or where systems put it; undefined if there is none. */
export const chromiumPath: string | undefined = [process.env.CHROMIUM ?? '', ...places].find(existsSync)

/** Test options: skipped aloud where there is no Chromium, but never in CI. */
export const needsChromium = {
  skip: chromiumPath === undefined && !process.env.CI ? 'no Chromium here: apt-get install chromium' : false,
}

export async function launchChromium(): Promise<Browser> {
  assert.ok(chromiumPath !== undefined, 'no Chromium here: apt-get install chromium')
  return chromium.launch({
    executablePath: chromiumPath,
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [], // Chromium refuses to be root otherwise
  })
}

/** A tab with what it complained of. */
export interface Tab {
  readonly page: Page
  readonly context: BrowserContext
  /** Errors on the console, which is where violations of the policy go too, and errors that nobody caught. */
  readonly complaints: string[]
}

export async function openTab(
  t: TestContext,
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Tab> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'light', ...options })
  t.after(() => context.close())
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${message.text()} (${message.location().url})`)
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  await page.goto(url)
  return { page, context, complaints }
}
