/** The dashboard as people see it: a real installation, a real Chromium, real kills. The tests follow one another, on one installation. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { startTestReceiver } from '../../heartbeat-receiver/test-receiver.ts'
import { launchChromium, needsChromium, openTab } from './chromium.ts'
import {
  card,
  confirmByKeyboard,
  failoverShown,
  focusedName,
  seriousFindings,
  tabTo,
  textOf,
  watchForFailover,
  widest,
} from './in-page.ts'
import { type Installation, startInstallation } from './installation.ts'

/** What is promised, from the kill to the failover on the page, milliseconds. */
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

test('the page shows who is there, who leads and since when, and what flows', needsChromium, async (t) => {
  const { page, complaints } = await openTab(t, browser, installation.url)
  const active = await installation.active()
  await page.getByRole('heading', { name: `${active} leads` }).waitFor()
  await page.locator('.link', { hasText: 'Live' }).waitFor()
  for (const name of installation.cluster.backends) await card(page, name).waitFor()
  assert.match(await textOf(card(page, active)), /active epoch \d+/)
  for (const name of installation.cluster.balancers) await page.getByRole('heading', { name, exact: true }).waitFor()
  await page.getByRole('heading', { name: 'Journal reachable' }).waitFor()
  await page.waitForFunction(() => Number.parseFloat(document.querySelector('.rate')?.textContent ?? '') > 5)
  await page.locator('.plot canvas').nth(2).waitFor()
  assert.deepEqual(complaints, [])
})

for (const colorScheme of ['light', 'dark'] as const)
  test(`axe finds nothing serious at rest, ${colorScheme}`, needsChromium, async (t) => {
    const { page } = await openTab(t, browser, installation.url, { colorScheme })
    await card(page, 'backend-1').waitFor()
    assert.deepEqual(await seriousFindings(page), [])
  })

test('a kill of the active shows as a failover within a second, with all its steps', needsChromium, async (t) => {
  const { page, complaints } = await openTab(t, browser, installation.url)
  const killed = await installation.active()
  await card(page, killed).waitFor()
  await page.evaluate(watchForFailover, killed)
  const killedAtMs = Date.now()
  installation.cluster.processes.get(killed)!.kill('SIGKILL')
  const shownAfterMs = (await page.evaluate(failoverShown)) - killedAtMs
  t.diagnostic(`the kill of ${killed} was on the page as a failover ${shownAfterMs} ms later`)

  const latest = page.locator('.change').first()
  const text = await textOf(latest)
  assert.match(text, new RegExp(`Failover ${killed} → to backend-\\d`))
  assert.match(text, /detected 0 ms .*decided [\d.]+ ms/)
  assert.match(text, /ready [\d.]+ ms/)
  assert.match(text, /first answer [\d.]+ ms/)
  assert.equal(await latest.locator('.bar .step').count(), 3)
  assert.match(await textOf(page.locator('.crash').first()), new RegExp(`${killed} .*What was done: .*What to do: `))
  const said = (politeness: string, hasText: RegExp) =>
    page.locator(`section[aria-live="${politeness}"]`, { hasText }).waitFor({ state: 'attached' })
  await said('assertive', new RegExp(`${killed} crashed`))
  await said('polite', /answers, .* after the first sign/)
  assert.match(await textOf(card(page, killed)), /gone/)
  assert.deepEqual(complaints, [])

  await installation.cluster.startBackend(killed)
  await installation.standbys(2)
  await page.locator(`li[data-backend="${killed}"].tone-standby`).waitFor()
  assert.ok(shownAfterMs < shownWithinMs, `after ${shownAfterMs} ms`)
  assert.deepEqual(installation.failures, [], 'no client noticed')
})

for (const colorScheme of ['light', 'dark'] as const)
  test(`axe finds nothing serious after a failover, with everything open, ${colorScheme}`, needsChromium, async (t) => {
    const { page, complaints } = await openTab(t, browser, installation.url, { colorScheme })
    await page.locator('.crash').first().waitFor()
    for (const details of await page.locator('details > summary').all()) await details.click()
    assert.deepEqual(await seriousFindings(page), [])
    await page.getByRole('button', { name: 'Kill backend-1', exact: true }).click()
    await page.getByRole('dialog').waitFor()
    assert.deepEqual(await seriousFindings(page), [])
    assert.deepEqual(complaints, [])
  })

test('a handover by the button is asked again, done, told and shown', needsChromium, async (t) => {
  const { page, complaints } = await openTab(t, browser, installation.url)
  await installation.standbys(2)
  const from = await installation.active()
  const to = installation.cluster.backends.find((name) => name !== from)!
  await page.getByRole('button', { name: `Hand over to ${to}`, exact: true }).click()
  await page
    .getByRole('dialog', { name: `Hand over to ${to}?` })
    .getByRole('button', { name: 'Hand over' })
    .click()
  const told = new RegExp(`${from} handed over to ${to} in [\\d.]+ ms`)
  await page.getByRole('status').filter({ hasText: told }).waitFor()
  await page.getByRole('heading', { name: `${to} leads` }).waitFor()
  assert.match(await textOf(page.locator('.change').first()), new RegExp(`Handover ${from} → to ${to}`))
  assert.deepEqual(complaints, [])
  assert.deepEqual(installation.failures, [], 'no client noticed')
})

test(
  'the active is drained by the button: it hands over, is chosen for nothing, and is undrained',
  needsChromium,
  async (t) => {
    const { page, complaints } = await openTab(t, browser, installation.url)
    await installation.standbys(2)
    const from = await installation.active()
    const press = async (action: 'Drain' | 'Undrain') => {
      await page.getByRole('button', { name: `${action} ${from}`, exact: true }).click()
      const dialog = page.getByRole('dialog', { name: `${action} ${from}?` })
      await dialog.getByRole('button', { name: action, exact: true }).click()
    }
    await press('Drain')
    await card(page, from).getByText('draining', { exact: true }).waitFor()
    assert.notEqual(await installation.active(), from)
    const { complaints: others, page: another } = await openTab(t, browser, installation.url)
    await card(another, from).getByText('draining', { exact: true }).waitFor()
    await press('Undrain')
    await card(page, from).getByText('standby', { exact: true }).waitFor()
    assert.deepEqual([...complaints, ...others], [])
    assert.deepEqual(installation.failures, [], 'no client noticed')
  },
)

test(
  'with the keyboard alone a backend is made to lead and killed, and focus is never lost',
  needsChromium,
  async (t) => {
    const { page, complaints } = await openTab(t, browser, installation.url)
    await installation.standbys(2)
    const active = await installation.active()
    const name = installation.cluster.backends.find((one) => one !== active)!
    await card(page, name).waitFor()
    await tabTo(page, `Kill ${name}`)
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    for (let press = 0; press < 6; press++) {
      await page.keyboard.press('Tab')
      const outside = await page.evaluate(() => document.activeElement?.closest('main, header') !== null)
      assert.equal(outside, false, 'focus does not leave the dialog for the page')
    }
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    assert.equal(await focusedName(page), `Kill ${name}`, 'focus is back where it was')

    await confirmByKeyboard(page, `Hand over to ${name}`, 'Hand over')
    await page.getByRole('heading', { name: `${name} leads` }).waitFor()
    await confirmByKeyboard(page, `Kill ${name}`, 'Kill it')
    await card(page, name).getByText('gone', { exact: true }).waitFor()
    await page.waitForFunction(() => document.activeElement !== document.body)
    await installation.cluster.startBackend(name)
    await installation.standbys(2)
    assert.deepEqual(complaints, [])
  },
)

test('at 360 pixels nothing is wider than the page', needsChromium, async (t) => {
  const { page, complaints } = await openTab(t, browser, installation.url, { viewport: { width: 360, height: 740 } })
  await card(page, 'backend-1').waitFor()
  for (const details of await page.locator('details > summary').all()) await details.click()
  const { wide, inner, culprits } = await page.evaluate(widest)
  assert.deepEqual({ wide, culprits }, { wide: inner, culprits: [] })
  assert.deepEqual(complaints, [])
})

test('who asks for less motion sees none', needsChromium, async (t) => {
  const { page } = await openTab(t, browser, installation.url, { reducedMotion: 'reduce' })
  await page.waitForFunction(() => Number.parseFloat(document.querySelector('.rate')?.textContent ?? '') > 5)
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0)
})

test(
  'the page says when its receiver is gone, and is live again by itself when it is back',
  needsChromium,
  async (t) => {
    const { page } = await openTab(t, browser, installation.url)
    await page.locator('.link', { hasText: 'Live' }).waitFor()
    const receiver = installation.cluster.processes.get(installation.cluster.receivers[0]!)!
    receiver.kill('SIGKILL')
    await receiver.exited
    await page.locator('.link', { hasText: 'No connection' }).waitFor()
    await page.getByText('This receiver does not answer.').waitFor()
    await installation.restartReceiver()
    await page.locator('.link', { hasText: 'Live' }).waitFor()
    await page.getByRole('heading', { name: / leads$/ }).waitFor()
    assert.equal(await page.getByText('This receiver does not answer.').count(), 0)
  },
)

test(
  'where there is a token the page asks for it, says when it is wrong, and keeps a session',
  needsChromium,
  async (t) => {
    const token = 'of the dashboard test'
    const receiver = await startTestReceiver(t, { token })
    const { page, complaints } = await openTab(t, browser, `${receiver.base}/`)
    const field = page.getByLabel('Token', { exact: true })
    await field.fill('not of the dashboard test')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').filter({ hasText: 'That is not the token of this receiver.' }).waitFor()
    assert.deepEqual(await seriousFindings(page), [])
    await field.fill(token)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'No backend is here' }).waitFor()
    await page.reload()
    await page.getByRole('heading', { name: 'No backend is here' }).waitFor()
    assert.equal(await field.count(), 0)
    // That the browser notes each 401 on the console is its habit; nothing else may be there.
    assert.deepEqual(
      complaints.filter((complaint) => !/status of 401/.test(complaint)),
      [],
    )
  },
)
