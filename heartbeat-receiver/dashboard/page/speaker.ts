/** Says news to screen readers: two regions that nobody sees, one that waits its turn and one that interrupts. */
import type { News } from './news.ts'

/** A sentence stays so long for those who come to it late. */
const keptMs = 20_000

export class Speaker {
  readonly #polite: HTMLElement
  readonly #urgent: HTMLElement

  constructor(parent: HTMLElement) {
    this.#polite = region(parent, 'polite')
    this.#urgent = region(parent, 'assertive')
  }

  say(news: readonly News[]): void {
    for (const { urgent, text } of news) {
      const line = document.createElement('p')
      line.textContent = text
      const place = urgent ? this.#urgent : this.#polite
      place.append(line)
      setTimeout(() => line.remove(), keptMs)
    }
  }
}

function region(parent: HTMLElement, politeness: 'polite' | 'assertive'): HTMLElement {
  const element = document.createElement('section')
  element.className = 'spoken'
  element.setAttribute('aria-live', politeness)
  element.setAttribute('aria-label', politeness === 'polite' ? 'News' : 'Crashes as they happen')
  parent.append(element)
  return element
}
