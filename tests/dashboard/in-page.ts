/** What the tests look for in a page, and what they press. The functions that are marked so run in the page. */
import assert from 'node:assert/strict'
import { AxeBuilder } from '@axe-core/playwright'
import type { Locator, Page } from 'playwright-core'

/** The card of a backend. */
export function card(page: Page, name: string): Locator {
  return page.locator(`li[data-backend="${name}"]`)
}

/** The text of what is there, in one line. */
export async function textOf(place: Locator): Promise<string> {
  return (await place.innerText()).replace(/\s+/g, ' ')
}

/** Findings of axe that are serious or critical, one line each. */
export async function seriousFindings(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`)
}

/** Runs in the page: keeps the time at which a failover away from `killed` has its first answer there. */
export function watchForFailover(killed: string): void {
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

/** Runs in the page: what {@link watchForFailover} keeps. */
export function failoverShown(): Promise<number> {
  return (globalThis as unknown as { failoverShown: Promise<number> }).failoverShown
}

/** Runs in the page: has it draw nothing more once it shows a failover away from `killed` that is under way. */
export function stopAtFailover(killed: string): void {
  const stopped = new Promise<boolean>((resolve) => {
    const look = () => {
      const text = document.querySelector('.change')?.textContent ?? ''
      if (!new RegExp(`Failover\\s*${killed}\\s*→`).test(text)) return
      const underWay = text.includes('under way')
      if (underWay) globalThis.requestAnimationFrame = () => 0
      resolve(underWay)
    }
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true })
  })
  Object.assign(globalThis, { stoppedAtFailover: stopped })
}

/** Runs in the page: whether {@link stopAtFailover} saw it under way. */
export function stoppedAtFailover(): Promise<boolean> {
  return (globalThis as unknown as { stoppedAtFailover: Promise<boolean> }).stoppedAtFailover
}

/** Runs in the page: how wide it is, and what reaches beyond its edge. */
export function widest(): { wide: number; inner: number; culprits: string[] } {
  const inner = document.documentElement.clientWidth
  const culprits = [...document.querySelectorAll('body *')]
    .filter((element) => element.getBoundingClientRect().right > inner + 1)
    .filter((element) => element.closest('.scrolling, pre, .spoken, .blocks, svg') === null)
    .map((element) => `${element.tagName}.${element.className}`)
  return { wide: document.documentElement.scrollWidth, inner, culprits: culprits.slice(0, 5) }
}

/** What a screen reader would say has focus. */
export function focusedName(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement
    return element?.getAttribute('aria-label') ?? element?.textContent?.trim() ?? ''
  })
}

/** Presses Tab until what has this name is focused. */
export async function tabTo(page: Page, name: string): Promise<void> {
  for (let press = 0; press < 80; press++) {
    if ((await focusedName(page)) === name) return
    await page.keyboard.press('Tab')
  }
  assert.fail(`${name} cannot be reached by Tab`)
}

/** Presses a button and the one that answers the question it asks, by keyboard alone. */
export async function confirmByKeyboard(page: Page, name: string, answer: string): Promise<void> {
  await tabTo(page, name)
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  await tabTo(page, answer)
  await page.keyboard.press('Space')
  await page.getByRole('dialog').waitFor({ state: 'hidden' })
}
