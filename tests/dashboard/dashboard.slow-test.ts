/** The dashboard as people see it: a real installation, a real Chromium, real kills. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { launchChromium, needsChromium, openTab } from './chromium.ts'
import { type Installation, startInstallation } from './installation.ts'

/** What the issue promises, from the kill to the failover on the page, milliseconds. */
const shownWithinMs = 1_000

let browser: Browser
let installation: Installation

if (needsChromium.skip === false) {
  before(async () => {
    browser = await launchChromium()
    installation = await startInstallation()
    await installation.active()
    await installation.standbys(2)
  })
  after(async () => {
    await browser?.close()
    await installation?.stop()
  })
}

/** The card of a backend. */
const card = (page: Page, name: string) => page.locator(`li[data-backend="${name}"]`)
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })

test('the page shows who is there, who leads and since when, and what flows', needsChromium, async (t) => {
  const { page, complaints } = await openTab(t, browser, installation.url)
  const active = await installation.active()
  await page.getByRole('heading', { name: `${active} leads` }).waitFor()
  await page.locator('.link', { hasText: 'Live' }).waitFor()
  for (const name of installation.cluster.backends) await card(page, name).waitFor()
  assert.match((await card(page, active).innerText()).replace(/\s+/g, ' '), /active · epoch \d+/)
  for (const name of installation.cluster.balancers) await page.getByRole('heading', { name, exact: true }).waitFor()
  await page.getByRole('heading', { name: /^Journal reachable/ }).waitFor()
  await page.waitForFunction(() => Number(globalThis.document.querySelector('.rate')?.textContent?.split(' ')[0]) > 5)
  await page.locator('.plot canvas').nth(2).waitFor()
  assert.equal((await page.locator('main h2').count()) >= 4, true)
  assert.deepEqual(complaints, [])
})

test('a kill of the active shows as a failover within a second, with all its steps', needsChromium, async (t) => {
  const { page, complaints } = await openTab(t, browser, installation.url)
  const killed = await installation.active()
  await card(page, killed).waitFor()
  await page.evaluate(watchForFailover, killed)
  installation.cluster.processes.get(killed)!.kill('SIGKILL')
  const killedAtMs = Date.now()
  const shownAtMs = await page.evaluate(
    () => (globalThis as unknown as { failoverShown: Promise<number> }).failoverShown,
  )
  t.diagnostic(`the kill of ${killed} was on the page as a failover ${shownAtMs - killedAtMs} ms later`)
  assert.ok(shownAtMs - killedAtMs < shownWithinMs, `after ${shownAtMs - killedAtMs} ms`)

  const latest = page.locator('.change').first()
  const text = (await latest.innerText()).replace(/\s+/g, ' ')
  assert.match(text, new RegExp(`Failover ${killed} → backend-\\d`))
  assert.match(text, /detected 0 ms .*decided [\d.]+ ms .*ready [\d.]+ ms/)
  assert.match(text, /first answer [\d.]+ ms/)
  assert.equal(await latest.locator('.bar .step').count(), 3)
  const crash = page.locator('.crash').first()
  assert.match((await crash.innerText()).replace(/\s+/g, ' '), new RegExp(`${killed} .*What was done: .*What to do: `))
  await page.locator('section[aria-live="assertive"]', { hasText: `${killed} crashed` }).waitFor({ state: 'attached' })
  await page
    .locator('section[aria-live="polite"]', { hasText: /answers, .* after the first sign/ })
    .waitFor({ state: 'attached' })
  assert.match(await card(page, killed).innerText(), /gone/)
  assert.deepEqual(complaints, [])

  await installation.cluster.startBackend(killed)
  await installation.standbys(2)
  await page.locator(`li[data-backend="${killed}"].tone-standby`).waitFor()
  assert.deepEqual(installation.failures, [], 'no client noticed')
})

test('a handover by the button is asked again, done, told and shown', needsChromium, async (t) => {
  const { page, complaints } = await openTab(t, browser, installation.url)
  const from = await installation.active()
  await installation.standbys(2)
  const to = installation.cluster.backends.find((name) => name !== from)!
  await button(page, `Hand over to ${to}`).click()
  const dialog = page.getByRole('dialog', { name: `Hand over to ${to}?` })
  await dialog.getByRole('button', { name: 'Hand over' }).click()
  await page
    .getByRole('status')
    .filter({ hasText: new RegExp(`${from} handed over to ${to} in [\\d.]+ ms`) })
    .waitFor()
  await page.getByRole('heading', { name: `${to} leads` }).waitFor()
  assert.match(
    (await page.locator('.change').first().innerText()).replace(/\s+/g, ' '),
    new RegExp(`Handover ${from} → ${to}`),
  )
  assert.deepEqual(complaints, [])
  assert.deepEqual(installation.failures, [], 'no client noticed')
})

test(
  'with the keyboard alone: a backend is drained and undrained, killed, and focus is never lost',
  needsChromium,
  async (t) => {
    const { page, complaints } = await openTab(t, browser, installation.url)
    await installation.standbys(2)
    const active = await installation.active()
    const name = installation.cluster.backends.find((one) => one !== active)!
    await card(page, name).waitFor()
    await tabTo(page, `Drain ${name}`)
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    for (let press = 0; press < 6; press++) {
      await page.keyboard.press('Tab')
      assert.equal(
        await page.evaluate(
          () =>
            globalThis.document.activeElement?.closest('dialog') !== null ||
            globalThis.document.activeElement === globalThis.document.body,
        ),
        true,
        'focus stays in the dialog',
      )
    }
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    assert.equal(await focused(page), `Drain ${name}`, 'focus is back where it was')

    await confirmByKeyboard(page, `Drain ${name}`, 'Drain')
    await card(page, name).getByText('draining', { exact: true }).waitFor()
    await confirmByKeyboard(page, `Undrain ${name}`, 'Undrain')
    await card(page, name).getByText('standby', { exact: true }).waitFor()
    await confirmByKeyboard(page, `Kill ${name}`, 'Kill it')
    await card(page, name).getByText('gone', { exact: true }).waitFor()
    await page.waitForFunction(() => globalThis.document.activeElement !== globalThis.document.body)
    await installation.cluster.startBackend(name)
    await installation.standbys(2)
    assert.deepEqual(complaints, [])
  },
)

test(
  'the page says when its receiver is gone, and is live again by itself when it is back',
  needsChromium,
  async (t) => {
    const { page } = await openTab(t, browser, installation.url)
    await page.locator('.link', { hasText: 'Live' }).waitFor()
    const [name] = installation.cluster.receivers
    const { cluster } = installation
    const before = cluster.processes.get(name!)!
    before.kill('SIGKILL')
    await before.exited
    await page.locator('.link', { hasText: 'No connection' }).waitFor()
    await page.getByText('This receiver does not answer.').waitFor()
    await installation.restartReceiver()
    await page.locator('.link', { hasText: 'Live' }).waitFor()
    await page.getByRole('heading', { name: / leads$/ }).waitFor()
    assert.equal(await page.getByText('This receiver does not answer.').count(), 0)
  },
)

test('at 360 pixels nothing is wider than the page', needsChromium, async (t) => {
  const { page, complaints } = await openTab(t, browser, installation.url, { viewport: { width: 360, height: 740 } })
  await card(page, 'backend-1').waitFor()
  await page.locator('details').first().locator('summary').click()
  const { wide, inner, culprits } = await page.evaluate(widest)
  assert.ok(wide <= inner, `${wide} > ${inner}: ${culprits.join(', ')}`)
  assert.deepEqual(complaints, [])
})

test('who asks for less motion sees none', needsChromium, async (t) => {
  const { page } = await openTab(t, browser, installation.url, { reducedMotion: 'reduce' })
  await card(page, 'backend-1').waitFor()
  await page.waitForTimeout(600)
  assert.equal(await page.evaluate(() => globalThis.document.getAnimations().length), 0)
})

/** Runs in the page: the time at which a failover away from `killed` has its first answer on the page. */
function watchForFailover(killed: string): void {
  const { document, MutationObserver } = globalThis
  const shown = new Promise<number>((resolve) => {
    const look = () => {
      const text = document.querySelector('.change')?.textContent ?? ''
      if (text.includes('Failover') && text.includes(killed) && /first answer\s*[\d.]+ ms/.test(text))
        resolve(Date.now())
    }
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true })
  })
  Object.assign(globalThis, { failoverShown: shown })
}

/** Runs in the page. */
function widest(): { wide: number; inner: number; culprits: string[] } {
  const { document } = globalThis
  const inner = document.documentElement.clientWidth
  const culprits = [...document.querySelectorAll('body *')]
    .filter(
      (element) =>
        element.getBoundingClientRect().right > inner + 1 &&
        element.closest('.scrolling, pre, .spoken, .blocks, svg') === null,
    )
    .map((element) => `${element.tagName}.${element.className}`)
  return { wide: document.documentElement.scrollWidth, inner, culprits: culprits.slice(0, 5) }
}

async function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = globalThis.document.activeElement
    return element?.getAttribute('aria-label') ?? element?.textContent?.trim() ?? ''
  })
}

/** Presses Tab until what has this name is focused. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let press = 0; press < 80; press++) {
    if ((await focused(page)) === name) return
    await page.keyboard.press('Tab')
  }
  assert.fail(`${name} cannot be reached by Tab`)
}

async function confirmByKeyboard(page: Page, name: string, answer: string): Promise<void> {
  await tabTo(page, name)
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  await tabTo(page, answer)
  await page.keyboard.press('Space')
  await page.getByRole('dialog').waitFor({ state: 'hidden' })
}
